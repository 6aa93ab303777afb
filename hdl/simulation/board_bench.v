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
    output reg                gone,
    output reg [8*1100-1:0]   reply,
    output reg [15:0]         reply_count,
    output reg                replied,
    output [`LINKS-1:0]       ready
);
    localparam WORD_FS = FRAME_FS / WORDS;
    clock_source #(.HIGH_FS(FRAME_FS / 2), .LOW_FS(FRAME_FS - FRAME_FS / 2)) source (.clock(clock));
    clock_source #(.HIGH_FS(WORD_FS / 2), .LOW_FS(WORD_FS - WORD_FS / 2)) word_source (.clock(word_clock));

    reg  [15:0] sent;
    wire        feeding = go & ~gone & (sent != line_count);
    wire  [7:0] byte_out;
    wire        byte_ready, out_valid;
    reg         ended;

    initial begin
        gone    = 1'b0;
        replied = 1'b0;
        reply   = 0;
    end
    always @(posedge clock)
        if (!go) begin
            sent <= 16'd0;
            gone <= 1'b0;
        end else begin
            if (feeding & byte_ready) sent <= sent + 16'd1;
            gone <= sent == line_count;
        end
    // `replied` changes with each whole reply; Python wakes by it.
    always @(posedge clock)
        if (reset) begin
            reply_count <= 16'd0;
            ended <= 1'b0;
        end else if (out_valid) begin
            reply[8*(ended ? 16'd0 : reply_count) +: 8] <= byte_out;
            reply_count <= ended ? 16'd1 : reply_count + 16'd1;
            ended <= byte_out == 8'd0;
            if (byte_out == 8'd0) replied <= ~replied;
        end

    controlled_board controlled (
        .clk(clock), .rst(reset), .word_clk(word_clock), .word_rst(reset), .strobe(1'b1),
        .requests__payload(line[8*sent +: 8]), .requests__valid(feeding), .requests__ready(byte_ready), .damaged(1'b0),
        .replies__payload(byte_out), .replies__valid(out_valid), .replies__ready(1'b1), .ready(ready)
    );
endmodule
