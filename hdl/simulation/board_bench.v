// Simulation only. A board with its board controller, on clocks made in HDL: bytes in, packets out.
//
// Python hands over up to LINE_BYTES bytes at once; they go in as fast as they are taken. The bytes of a reply are
// collected until its closing zero. The word clock of the fibres runs while `word_source.run` is set: who does not look at
// the fibres need not simulate them. Its edges lie between those of the 40 MHz clock.
`timescale 1fs / 1fs
module board_bench #(
    parameter LINE_BYTES = 2048,
    parameter FRAME_FS   = 25000000,
    parameter WORDS      = 8
) (
    output                    clock,
    output                    word_clock,
    input                     reset,
    input  [8*LINE_BYTES-1:0] line,
    input  [15:0]             line_count,
    input                     go,
    output                    gone,
    output [8*1100-1:0]       reply,
    output [15:0]             reply_count,
    output [31:0]             replies,
    output [`LINKS-1:0]       ready,
    output [`WORD_BITS-1:0]   words
);
    localparam WORD_FS = FRAME_FS / WORDS;
    // Taken at the falling edge, as the inputs of `packet_line` and for the same reason.
    reg held;
    initial held = 1'b1;
    always @(negedge clock) held <= reset;

    clock_source #(.HIGH_FS(FRAME_FS / 2), .LOW_FS(FRAME_FS - FRAME_FS / 2)) source (.clock(clock));
    clock_source #(.HIGH_FS(WORD_FS / 2), .LOW_FS(WORD_FS - WORD_FS / 2)) word_source (.clock(word_clock));

    wire [7:0] in_payload, out_payload;
    wire       in_valid, in_ready, out_valid, out_ready;
    // Python wakes by `replies`.
    packet_line #(.LINE_BYTES(LINE_BYTES)) packets (
        .clock(clock), .reset(held), .pause(1'b0), .line(line), .line_count(line_count), .go(go), .gone(gone),
        .to_payload(in_payload), .to_valid(in_valid), .to_ready(in_ready),
        .from_payload(out_payload), .from_valid(out_valid), .from_ready(out_ready),
        .reply(reply), .reply_count(reply_count), .replies(replies)
    );
    controlled_board controlled (
        .clk(clock), .rst(held), .word_clk(word_clock), .word_rst(held), .strobe(1'b1),
        .requests__payload(in_payload), .requests__valid(in_valid), .requests__ready(in_ready), .damaged(1'b0),
        .replies__payload(out_payload), .replies__valid(out_valid), .replies__ready(out_ready), .ready(ready),
        .words(words)
    );
endmodule
