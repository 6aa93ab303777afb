// Simulation only. The back end's receiver alone, fed with words from a file as fast as the simulator can.
//
// Words change on the falling edge of `clock`. The receiver's own clock runs while there are words and during `reset`,
// so that it makes exactly one step for each word and then stands still with its counters to be read. Each frame is
// recorded: samples, lane 0 lowest, above them 32 bits of the number of words taken in before the clock edge at which
// the frame was recorded, 16 of BCID, 16 of offset, 8 of flags, 8 of `moved` (bit 0) and `locked` (bit 1).
`timescale 1fs / 1fs
module receiver_words #(
    parameter WORD_FS     = 3125000,
    parameter WORD_BITS   = 16,
    parameter SAMPLES     = 112,
    parameter BCID_BITS   = 12,
    parameter OFFSET_BITS = 7
) (
    input          reset,
    input          clear,
    output [191:0] counters,
    output         locked
);
    localparam RECORD = (SAMPLES + 80 + 31) / 32 * 32;

    wire                   clock, playing, valid, moved;
    wire                   rx_clock = clock & (playing | reset);
    wire   [WORD_BITS-1:0] word;
    wire     [SAMPLES-1:0] samples;
    wire   [BCID_BITS-1:0] bcid;
    wire             [3:0] flags;
    wire [OFFSET_BITS-1:0] offset;
    reg             [31:0] taken;

    clock_source #(.HIGH_FS(WORD_FS / 2), .LOW_FS(WORD_FS - WORD_FS / 2)) source (.clock(clock));
    player #(.WIDTH(WORD_BITS), .NAME("line")) player (.clock(!clock), .word(word), .valid(playing));
    receiver receiver (
        .rx_clk(rx_clock), .rx_rst(reset), .word(word), .clear(clear), .valid(valid), .samples(samples),
        .bcid(bcid), .flags(flags), .moved(moved), .locked(locked), .offset(offset), .counters(counters)
    );
    always @(posedge rx_clock) taken <= reset ? 32'd0 : taken + 32'd1;
    recorder #(.WIDTH(RECORD), .NAME("frames")) frames (
        .clock(rx_clock), .enable(valid & !reset),
        .word({{(RECORD - SAMPLES - 80) {1'b0}}, 6'd0, locked, moved, 4'd0, flags, {(16 - OFFSET_BITS) {1'b0}}, offset,
               {(16 - BCID_BITS) {1'b0}}, bcid, taken, samples})
    );
endmodule
