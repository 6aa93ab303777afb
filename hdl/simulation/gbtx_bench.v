// Simulation only. One GBTx at word level with its link, I2C bus and the clocks it makes. `gbtx` is the gateware
// (hdl/gbtx/chip.py).
//
// A frame lasts CLOCKS clocks of the chip. frames.bin holds 28 bytes a frame: 2 bits of nothing, 9 of the register to be
// upset, 8 of its bits, 3 of PLLs that lose their lock, 2 of EC in, 80 of e-links in, 120 of downlink. records.bin gets
// for each frame, from the low end: uplink (120), e-links out (80), EC out (2), whether these are bits of a frame (1),
// state (5), requests executed so far, before time passed for this frame (8), receives, transmits.
`timescale 1fs / 1fs
module gbtx_bench #(
    parameter PERIOD_FS = 25000000,
    parameter CLOCKS    = 1
) (
    input          reset,
    input          scl,
    input          sda,
    output         sda_bus,
    input    [6:0] address,
    input   [15:0] serial_number,
    input  [167:0] edges,
    input    [2:0] ec_edge,
    output         reference_clock,
    output   [7:0] shifted,
    output  [69:0] elink_clocks,
    output         ready,
    output   [4:0] state,
    output  [15:0] active
);
    localparam CLOCK_FS = PERIOD_FS / CLOCKS;

    wire         clock, playing, sda_low;
    wire [223:0] word;
    reg   [15:0] phase;
    wire         strobe = phase == 0 && playing;

    clock_source #(.HIGH_FS(CLOCK_FS / 2), .LOW_FS(CLOCK_FS - CLOCK_FS / 2)) source (.clock(clock));
    clock_source #(.HIGH_FS(PERIOD_FS / 2), .LOW_FS(PERIOD_FS - PERIOD_FS / 2)) reference_source (.clock(reference_clock));
    initial phase = 16'd0;
    always @(posedge clock) phase <= phase == CLOCKS - 1 ? 16'd0 : phase + 16'd1;
    // A new word half a clock before the chip takes it.
    player #(.WIDTH(224), .NAME("frames")) frames (.clock(!clock && phase == 0), .word(word), .valid(playing));

    assign sda_bus = sda && !sda_low;
    wire [119:0] uplink;
    wire         uplink_strobe, elink_valid, receives, transmits, executed;
    wire   [1:0] ec_out;
    wire  [15:0] elink_0, elink_1, elink_2, elink_3, elink_4;
    wire  [15:0] clocks[0:7];
    gbtx chip (
        .clk(clock),
        .rst(reset),
        .strobe(strobe),
        .downlink(word[119:0]),
        .uplink(uplink),
        .uplink_strobe(uplink_strobe),
        .address(address),
        .serial_number(serial_number),
        .scl(scl),
        .sda(sda_bus),
        .sda_low(sda_low),
        .ec_out(ec_out),
        .ec_in(word[201:200]),
        .elink_out__0(elink_0),
        .elink_out__1(elink_1),
        .elink_out__2(elink_2),
        .elink_out__3(elink_3),
        .elink_out__4(elink_4),
        .elink_active__0(active[7:0]),
        .elink_active__1(),
        .elink_active__2(),
        .elink_active__3(),
        .elink_active__4(active[15:8]),
        .elink_valid(elink_valid),
        .elink_in__0(word[135:120]),
        .elink_in__1(word[151:136]),
        .elink_in__2(word[167:152]),
        .elink_in__3(word[183:168]),
        .elink_in__4(word[199:184]),
        .edge__0(edges[23:0]),
        .edge__1(edges[47:24]),
        .edge__2(edges[71:48]),
        .edge__3(edges[95:72]),
        .edge__4(edges[119:96]),
        .edge__5(edges[143:120]),
        .edge__6(edges[167:144]),
        .ec_edge(ec_edge),
        .pll_lost(word[204:202]),
        .shifted_clock__0(clocks[0]),
        .shifted_clock__1(clocks[1]),
        .shifted_clock__2(clocks[2]),
        .shifted_clock__3(clocks[3]),
        .shifted_clock__4(clocks[4]),
        .shifted_clock__5(clocks[5]),
        .shifted_clock__6(clocks[6]),
        .shifted_clock__7(clocks[7]),
        .elink_clocks__0(elink_clocks[13:0]),
        .elink_clocks__1(elink_clocks[27:14]),
        .elink_clocks__2(elink_clocks[41:28]),
        .elink_clocks__3(elink_clocks[55:42]),
        .elink_clocks__4(elink_clocks[69:56]),
        .ready(ready),
        .state(state),
        .receives(receives),
        .transmits(transmits),
        .executed(executed),
        .upset_bits(strobe ? word[212:205] : 8'd0),
        .upset_register(word[221:213])
    );
    genvar k;
    generate
        for (k = 0; k < 8; k = k + 1) begin : shifter
            // Fields of a setting, from the low end: fine, coarse, frequency, drive, running.
            phase_shifter #(.PERIOD_FS(PERIOD_FS)) shifter (
                .reference(reference_clock), .running(clocks[k][15]), .frequency(clocks[k][10:9]),
                .coarse(clocks[k][8:4]), .fine(clocks[k][3:0]), .clock(shifted[k])
            );
        end
    endgenerate

    // Time passes for the chip one clock after the strobe, its outputs are there another one later, the uplink two.
    reg        tick;
    reg  [7:0] executions, before_tick, before_up;
    reg [90:0] after_tick;
    always @(posedge clock) begin
        tick       <= strobe && !reset;
        executions <= reset ? 8'd0 : executions + {7'd0, executed};
        if (tick) before_tick <= executions + {7'd0, executed};
        before_up  <= before_tick;
        after_tick <= {
            transmits, receives, 1'b0, state, elink_valid, ec_out, elink_4, elink_3, elink_2, elink_1, elink_0
        };
    end
    recorder #(.WIDTH(224), .NAME("records")) records (
        .clock(clock), .enable(uplink_strobe && !reset),
        .word({6'd0, after_tick[90:89], before_up, after_tick[87:0], uplink})
    );
endmodule
