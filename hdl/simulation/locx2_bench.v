// Simulation only. One LOCx2 with all that drives it: bit clock, reference, four quad ADCs, BCR, and monitors that
// record its two lines bit by bit. `locx2` is the gateware (hdl/locx2/chip.py).
`timescale 1fs / 1fs
module locx2_bench #(
    parameter PAIR_FS = 390625,
    parameter LANES   = 4,
    parameter SLOTS   = 16
) (
    input               reset_n,
    input               scl,
    input               sda,
    output              sda_bus,
    input         [2:0] address,
    input  [`UPSETS-1:0] upset,
    output              locked,
    output              divided,
    output              sample_clock,
    output        [1:0] line
);
    localparam HIGH_FS = PAIR_FS / 2;
    localparam LOW_FS  = PAIR_FS - PAIR_FS / 2;
    // When everything starts by itself (+alone): lines sampled in the middle of a bit, no two clocks with one edge.
    localparam START_FS = 2000000;

    wire bit_clock, ref_clock, bcr, sda_oe;
    wire adc_clock_0_0, adc_clock_0_1, adc_clock_1_0, adc_clock_1_1;
    wire adc_frame_0_0, adc_frame_0_1, adc_frame_1_0, adc_frame_1_1;
    wire [LANES-1:0] adc_lanes_0_0, adc_lanes_0_1, adc_lanes_1_0, adc_lanes_1_1;

    clock_source #(.HIGH_FS(HIGH_FS), .LOW_FS(LOW_FS), .START_FS(START_FS)) bit_source (.clock(bit_clock));
    clock_source #(.HIGH_FS(HIGH_FS), .LOW_FS(LOW_FS), .START_FS(START_FS + PAIR_FS / 4)) sample_source (
        .clock(sample_clock)
    );
    clock_source #(.HIGH_FS(32 * PAIR_FS), .LOW_FS(32 * PAIR_FS), .START_FS(START_FS + PAIR_FS / 8)) ref_source (
        .clock(ref_clock)
    );
    adc_lanes #(.NAME("adc_0_0"), .LANES(LANES), .SLOTS(SLOTS), .HALF_FS(2 * PAIR_FS),
                .START_FS(START_FS + PAIR_FS / 4)) adc_0_0 (
        .clock(adc_clock_0_0), .frame(adc_frame_0_0), .lanes(adc_lanes_0_0)
    );
    adc_lanes #(.NAME("adc_0_1"), .LANES(LANES), .SLOTS(SLOTS), .HALF_FS(2 * PAIR_FS),
                .START_FS(START_FS + PAIR_FS / 4)) adc_0_1 (
        .clock(adc_clock_0_1), .frame(adc_frame_0_1), .lanes(adc_lanes_0_1)
    );
    adc_lanes #(.NAME("adc_1_0"), .LANES(LANES), .SLOTS(SLOTS), .HALF_FS(2 * PAIR_FS),
                .START_FS(START_FS + PAIR_FS / 4)) adc_1_0 (
        .clock(adc_clock_1_0), .frame(adc_frame_1_0), .lanes(adc_lanes_1_0)
    );
    adc_lanes #(.NAME("adc_1_1"), .LANES(LANES), .SLOTS(SLOTS), .HALF_FS(2 * PAIR_FS),
                .START_FS(START_FS + PAIR_FS / 4)) adc_1_1 (
        .clock(adc_clock_1_1), .frame(adc_frame_1_1), .lanes(adc_lanes_1_1)
    );
    pulse_list #(.NAME("bcr")) bcr_pulses (.clock(ref_clock), .pulse(bcr));
    line_monitor #(.NAME("line_0")) monitor_0 (.sample_clock(sample_clock), .line(line[0]));
    line_monitor #(.NAME("line_1")) monitor_1 (.sample_clock(sample_clock), .line(line[1]));

    reg released;  // as if by hand, when there is no Python to do it
    initial begin
        released = 1'b0;
        if ($test$plusargs("alone") != 0) begin
            #(10 * START_FS);
            released = 1'b1;
        end
    end

    assign sda_bus = sda && !sda_oe;
    locx2 chip (
        .bit_clk(bit_clock),
        .ref_clk(ref_clock),
        .reset_n(reset_n || released),
        .bcr(bcr),
        .channel__0__adc__0__clk(adc_clock_0_0),
        .channel__0__adc__0__frame(adc_frame_0_0),
        .channel__0__adc__0__lanes(adc_lanes_0_0),
        .channel__0__adc__1__clk(adc_clock_0_1),
        .channel__0__adc__1__frame(adc_frame_0_1),
        .channel__0__adc__1__lanes(adc_lanes_0_1),
        .channel__1__adc__0__clk(adc_clock_1_0),
        .channel__1__adc__0__frame(adc_frame_1_0),
        .channel__1__adc__0__lanes(adc_lanes_1_0),
        .channel__1__adc__1__clk(adc_clock_1_1),
        .channel__1__adc__1__frame(adc_frame_1_1),
        .channel__1__adc__1__lanes(adc_lanes_1_1),
        .line__0(line[0]),
        .line__1(line[1]),
        .scl_i(scl),
        .sda_i(sda_bus),
        .sda_oe(sda_oe),
        .address(address),
        .upset(upset),
        .locked(locked),
        .divided_clk(divided)
    );
endmodule
