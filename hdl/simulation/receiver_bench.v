// Simulation only. One fibre's far end: sampler with error injector, deserializer, the receiver, a counter of latency
// (hdl/line_code/latency_counter.py), and a record of each frame it delivers: samples, lane 0 lowest, above them 16 bits of BCID, 8 of flags, 8 of `moved`, then the offset, and
// zeros up to a multiple of 32.
`timescale 1fs / 1fs
module receiver_bench #(
    parameter LINE        = "errors",
    parameter FRAMES      = "frames",
    parameter LANES       = 8,
    parameter SAMPLE_BITS = 14
) (
    input          sample_clock,
    input          line,
    input          rx_reset,
    input          clear,
    input          marker,
    input  [LANES*SAMPLE_BITS-1:0] expected,
    output  [15:0] latency,
    output         latency_done,
    output [191:0] counters,
    output         locked
);
    localparam SAMPLES = LANES * SAMPLE_BITS;
    localparam RECORD  = (SAMPLES + 16 + 8 + 8 + 8 + 31) / 32 * 32;

    wire               word_clock, valid, moved;
    wire        [15:0] word;
    wire [SAMPLES-1:0] samples;
    wire        [11:0] bcid;
    wire         [3:0] flags;
    wire         [6:0] offset;

    line_receiver #(.NAME(LINE)) fibre (
        .sample_clock(sample_clock), .line(line), .word_clock(word_clock), .word(word)
    );
    receiver decoder (
        .rx_clk(word_clock), .rx_rst(rx_reset), .word(word), .clear(clear), .valid(valid), .samples(samples),
        .bcid(bcid), .flags(flags), .moved(moved), .locked(locked), .offset(offset), .counters(counters)
    );
    latency_counter watch (
        .rx_clk(word_clock), .rx_rst(rx_reset), .marker(marker), .valid(valid), .samples(samples),
        .expected(expected), .count(latency), .done(latency_done)
    );
    recorder #(.WIDTH(RECORD), .NAME(FRAMES)) frames (
        .clock(word_clock), .enable(valid),
        .word({{(RECORD - SAMPLES - 40) {1'b0}}, 1'b0, offset, 7'd0, moved, 4'd0, flags, 4'd0, bcid, samples})
    );
endmodule
