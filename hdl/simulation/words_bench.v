// Simulation only. The link at word level, for speed: both channels of LOCx2 from slices to words (hdl/locx2/words.py),
// and two receivers, everything on one word clock.
//
// slices.bin holds 5 bytes a word: bit 0 of the first byte starts a frame, bit 1 is BCR; then the slices of channel 1 and
// of channel 0. words.bin gets 8 words of channel 1 above 8 of channel 0, the first of them on top; frames_0.bin and
// frames_1.bin what the receivers deliver, as in receiver_bench.v.
`timescale 1fs / 1fs
module words_bench #(
    parameter WORD_FS     = 3125000,
    parameter LANES       = 8,
    parameter SAMPLE_BITS = 14
) ();
    localparam SAMPLES = LANES * SAMPLE_BITS;
    localparam RECORD  = (SAMPLES + 40 + 31) / 32 * 32;

    reg          reset, clear;
    wire         clock, playing;
    wire  [39:0] played;
    wire  [15:0] word_0, word_1;
    wire [191:0] counters_0, counters_1;
    reg  [127:0] words_0, words_1;
    reg    [2:0] count;

    initial begin
        reset = 1'b0;
        clear = 1'b0;
        count = 3'd0;
    end

    clock_source #(.HIGH_FS(WORD_FS / 2), .LOW_FS(WORD_FS - WORD_FS / 2)) source (.clock(clock));
    player #(.WIDTH(40), .NAME("slices")) slices (.clock(clock), .word(played), .valid(playing));
    locx2_words chip (
        .clk(clock), .rst(reset), .bcr(playing && played[33]),
        .channel__0__slice(played[15:0]), .channel__0__start(playing && played[32]), .channel__0__spoil(1'b0),
        .channel__0__mode(3'd0), .channel__0__pattern(16'd0), .channel__0__word(word_0), .channel__0__first(),
        .channel__1__slice(played[31:16]), .channel__1__start(playing && played[32]), .channel__1__spoil(1'b0),
        .channel__1__mode(3'd0), .channel__1__pattern(16'd0), .channel__1__word(word_1), .channel__1__first()
    );
    always @(posedge clock) begin
        words_0 <= {words_0[111:0], word_0};
        words_1 <= {words_1[111:0], word_1};
        count   <= count + 3'd1;
    end
    recorder #(.WIDTH(256), .NAME("words")) words (
        .clock(clock), .enable(count == 3'd0), .word({words_1, words_0})
    );

    wire               valid_0, valid_1, moved_0, moved_1;
    wire [SAMPLES-1:0] samples_0, samples_1;
    wire        [11:0] bcid_0, bcid_1;
    wire         [3:0] flags_0, flags_1;
    wire         [6:0] offset_0, offset_1;
    receiver receiver_0 (
        .rx_clk(clock), .rx_rst(reset), .word(word_0), .clear(clear), .valid(valid_0), .samples(samples_0),
        .bcid(bcid_0), .flags(flags_0), .moved(moved_0), .locked(), .offset(offset_0), .counters(counters_0)
    );
    receiver receiver_1 (
        .rx_clk(clock), .rx_rst(reset), .word(word_1), .clear(clear), .valid(valid_1), .samples(samples_1),
        .bcid(bcid_1), .flags(flags_1), .moved(moved_1), .locked(), .offset(offset_1), .counters(counters_1)
    );
    recorder #(.WIDTH(RECORD), .NAME("frames_0")) frames_0 (
        .clock(clock), .enable(valid_0 && !reset),
        .word({{(RECORD - SAMPLES - 40) {1'b0}}, 1'b0, offset_0, 7'd0, moved_0, 4'd0, flags_0, 4'd0, bcid_0, samples_0})
    );
    recorder #(.WIDTH(RECORD), .NAME("frames_1")) frames_1 (
        .clock(clock), .enable(valid_1 && !reset),
        .word({{(RECORD - SAMPLES - 40) {1'b0}}, 1'b0, offset_1, 7'd0, moved_1, 4'd0, flags_1, 4'd0, bcid_1, samples_1})
    );
endmodule
