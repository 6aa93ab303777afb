// Simulation only. The whole link: LOCx2 with its four ADCs, two fibres that can disturb, two receivers of the back end
// (hdl/line_code/receiver.py), and records of every frame that they deliver.
`timescale 1fs / 1fs
module link_bench #(
    parameter PAIR_FS     = 390625,
    parameter LANES       = 8,
    parameter SAMPLE_BITS = 14,
    parameter SLOTS       = 16
) (
    input               reset_n,
    input               scl,
    input               sda,
    output              sda_bus,
    input         [2:0] address,
    input  [`UPSETS-1:0] upset,
    output              locked,
    input               rx_reset,
    input               clear,
    input               marker,
    input  [LANES*SAMPLE_BITS-1:0] expected_0,
    input  [LANES*SAMPLE_BITS-1:0] expected_1,
    output       [15:0] latency_0,
    output       [15:0] latency_1,
    output        [1:0] latency_done,
    output      [191:0] counters_0,
    output      [191:0] counters_1,
    output        [1:0] rx_locked
);
    wire       sample_clock, divided;
    wire [1:0] line;

    locx2_bench #(.PAIR_FS(PAIR_FS), .LANES(LANES / 2), .SLOTS(SLOTS)) transmitter (
        .reset_n(reset_n), .scl(scl), .sda(sda), .sda_bus(sda_bus), .address(address), .upset(upset),
        .locked(locked), .divided(divided), .sample_clock(sample_clock), .line(line)
    );
    receiver_bench #(.LINE("errors_0"), .FRAMES("frames_0"), .LANES(LANES), .SAMPLE_BITS(SAMPLE_BITS)) receiver_0 (
        .sample_clock(sample_clock), .line(line[0]), .rx_reset(rx_reset), .clear(clear),
        .marker(marker), .expected(expected_0), .latency(latency_0), .latency_done(latency_done[0]),
        .counters(counters_0), .locked(rx_locked[0])
    );
    receiver_bench #(.LINE("errors_1"), .FRAMES("frames_1"), .LANES(LANES), .SAMPLE_BITS(SAMPLE_BITS)) receiver_1 (
        .sample_clock(sample_clock), .line(line[1]), .rx_reset(rx_reset), .clear(clear),
        .marker(marker), .expected(expected_1), .latency(latency_1), .latency_done(latency_done[1]),
        .counters(counters_1), .locked(rx_locked[1])
    );
endmodule
