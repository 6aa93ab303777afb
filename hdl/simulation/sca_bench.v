// Simulation only. The GBT-SCA with what it can have around it: I2C slaves, SPI slaves, a JTAG chain, analogue inputs.
//
// A strobe comes every `spacing` clocks, 1 to 3. stimulus.bin holds 8 bytes a clock: 63:32 levels of the GPIO lines, 31:16 buses whose SDA is held low, 15:7 flip-flop
// to upset, 6 upset it now, 4 external strobe of the GPIO, 3:2 auxiliary and 1:0 primary e-port, bit 1 first. After its
// end the e-ports rest. record.bin gets one record a strobe: DAC codes, GPIO direction, GPIO levels, and the e-ports.
`timescale 1fs / 1fs
module sca_bench #(
    parameter CLOCK_FS = 25000000
) ();
    reg          reset;
    reg  [23:0]  chip_id;
    reg  [383:0] analog, analog_driven;  // the second where the pad's current source is on
    reg  [127:0] spi_seen, tms_seen, tdo_seen;
    reg  [31:0]  jtag_resets;
    wire         clock, playing;
    wire [63:0]  played;
    reg    [1:0] spacing, phase;  // clocks between two strobes

    initial begin
        reset         = 1'b1;
        chip_id       = 24'd0;
        analog        = 384'd0;
        analog_driven = 384'd0;
        spacing       = 2'd1;
        phase         = 2'd0;
    end

    clock_source #(.HIGH_FS(CLOCK_FS / 2), .LOW_FS(CLOCK_FS - CLOCK_FS / 2)) source (.clock(clock));
    player #(.WIDTH(64), .NAME("stimulus")) stimulus (.clock(clock), .word(played), .valid(playing));

    always @(posedge clock) phase <= phase >= spacing - 2'd1 ? 2'd0 : phase + 2'd1;
    wire strobe = phase == 2'd0;

    wire  [3:0] rx = playing ? played[3:0] : 4'hF;
    wire  [3:0] tx;
    wire [31:0] dac, gpio_o, gpio_oe, currents;
    wire [15:0] scl_o, sda_o, scl, sda, low, more_low;
    wire        sclk, mosi, miso, tck, tms, tdo, jtag_reset;
    wire  [7:0] select;
    reg         tdi;
    wire [359:0] upset = playing && played[6] && strobe ? 360'd1 << played[15:7] : 360'd0;
    wire [383:0] codes;

    genvar n;
    generate
        for (n = 0; n < 32; n = n + 1) begin : pad
            assign codes[12*n +: 12] = currents[n] ? analog_driven[12*n +: 12] : analog[12*n +: 12];
        end
    endgenerate

    sca chip (
        .clk(clock), .rst(reset), .strobe(strobe), .rx(rx), .tx(tx), .chip_id(chip_id),
        .scl_i(scl), .sda_i(sda), .scl_o(scl_o), .sda_o(sda_o), .scl_push_pull(),
        .gpio_i(playing ? played[63:32] : 32'd0), .gpio_o(gpio_o), .gpio_oe(gpio_oe), .gpio_clock(playing && played[4]),
        .analog(codes), .currents(currents), .dac(dac),
        .spi_sclk(sclk), .spi_mosi(mosi), .spi_miso(miso), .spi_select(select),
        .jtag_tck(tck), .jtag_tms(tms), .jtag_tdo(tdo), .jtag_tdi(tdi), .jtag_reset(jtag_reset),
        .upset(upset)
    );
    recorder #(.WIDTH(128), .NAME("record")) record (
        .clock(clock), .enable(strobe && playing), .word({dac, gpio_oe, gpio_o, 28'd0, tx})
    );

    // A memory of 32 registers at address 0x10 + n on bus n; a ten-bit one on bus 2, a single register on bus 3.
    generate
        for (n = 0; n < 16; n = n + 1) begin : bus
            i2c_memory #(.ADDRESS(10'h010 + n)) memory (
                .clock(clock), .reset(reset), .scl(scl[n]), .sda(sda[n]), .low(low[n])
            );
        end
    endgenerate
    i2c_memory #(.ADDRESS(10'h2A5), .TEN_BIT(1)) ten_bit (
        .clock(clock), .reset(reset), .scl(scl[2]), .sda(sda[2]), .low(more_low[2])
    );
    i2c_memory #(.ADDRESS(10'h038), .SIZE(1), .POINTER(0)) expander (
        .clock(clock), .reset(reset), .scl(scl[3]), .sda(sda[3]), .low(more_low[3])
    );
    assign more_low[1:0] = 2'd0;
    assign more_low[15:4] = 12'd0;
    assign scl = scl_o;
    assign sda = sda_o & ~low & ~more_low & ~(playing ? played[31:16] : 16'd0);

    // SPI slaves 0 and 2: bit n of theirs, from their first clock on, is bit n modulo 128 of a pattern.
    wire [127:0] pattern_0 = 128'h0123456789ABCDEF_FEDCBA9876543210;
    wire [127:0] pattern_2 = 128'h80000000000000FF_00FF00FF5A5A0F0F;
    reg          sclk_before, mosi_before, tck_before, reset_before;
    reg    [7:0] select_before, edges_0, edges_2;
    wire   [7:0] edge_now = {8{sclk != sclk_before}} & select_before;
    wire   [7:0] at_0 = edges_0 + edge_now[0], at_2 = edges_2 + edge_now[2];
    assign miso = (select[0] & pattern_0[at_0[7:1]]) | (select[2] & pattern_2[at_2[7:1]]);
    always @(posedge clock) begin
        {sclk_before, mosi_before, select_before} <= {sclk, mosi, select};
        edges_0 <= reset ? 8'd0 : at_0;
        edges_2 <= reset ? 8'd0 : at_2;
        // The second edge of slave 0's bit: what was on the line until now.
        if (edge_now[0] && edges_0[0]) spi_seen <= {spi_seen[126:0], mosi_before};
    end

    // A scan chain of one flip-flop.
    always @(posedge clock) begin
        {tck_before, reset_before} <= {tck, jtag_reset};
        if (reset) begin
            tdi         <= 1'b0;
            jtag_resets <= 32'd0;
        end else begin
            if (tck && !tck_before) begin
                tdi      <= tdo;
                tms_seen <= {tms_seen[126:0], tms};
                tdo_seen <= {tdo_seen[126:0], tdo};
            end
            if (jtag_reset && !reset_before) jtag_resets <= jtag_resets + 32'd1;
        end
    end
endmodule
