// Simulation only. The board controller with two GBT links, whose frames Python exchanges with the model of a board, a
// block at a time: what went down in one block is answered in the next.
`timescale 1fs / 1fs
module controller_links_bench #(
    parameter LINE_BYTES = 4096,
    parameter BLOCK = 72
) (
    output                    clock,
    input                     reset,
    input  [8*LINE_BYTES-1:0] line,
    input  [15:0]             line_count,
    input                     go,
    output                    gone,
    output [8*1100-1:0]       reply,
    output [15:0]             reply_count,
    output [31:0]             replies,
    // frames, the first one lowest
    output reg [120*BLOCK-1:0] down_0,
    output reg [120*BLOCK-1:0] down_1,
    input  [120*BLOCK-1:0]     up_0,
    input  [120*BLOCK-1:0]     up_1,
    output reg                 block
);
    // Taken at the falling edge, as the inputs of `packet_line` and for the same reason.
    reg held;
    initial held = 1'b1;
    always @(negedge clock) held <= reset;

    clock_source #(.HIGH_FS(12500000), .LOW_FS(12500000)) source (.clock(clock));

    reg  [7:0]   place;
    wire [119:0] downlink_0, downlink_1;
    wire [119:0] uplink_0 = up_0[120*place +: 120], uplink_1 = up_1[120*place +: 120];
    wire         lit_0 = uplink_0[119:116] == 4'h5 || uplink_0[119:116] == 4'h6;
    wire         lit_1 = uplink_1[119:116] == 4'h5 || uplink_1[119:116] == 4'h6;
    always @(posedge clock)
        if (held) begin
            place <= 8'd0;
            block <= 1'b0;
        end else begin
            down_0[120*place +: 120] <= downlink_0;
            down_1[120*place +: 120] <= downlink_1;
            place <= place == BLOCK - 1 ? 8'd0 : place + 8'd1;
            if (place == BLOCK - 1) block <= ~block;
        end

    wire [7:0] in_payload, out_payload;
    wire       in_valid, in_ready, out_valid, out_ready;
    packet_line #(.LINE_BYTES(LINE_BYTES)) packets (
        .clock(clock), .reset(held), .pause(1'b0), .line(line), .line_count(line_count), .go(go), .gone(gone),
        .to_payload(in_payload), .to_valid(in_valid), .to_ready(in_ready),
        .from_payload(out_payload), .from_valid(out_valid), .from_ready(out_ready),
        .reply(reply), .reply_count(reply_count), .replies(replies)
    );
    board_controller controller (
        .clk(clock), .rst(held), .strobe(1'b1), .damaged(1'b0),
        .requests__payload(in_payload), .requests__valid(in_valid), .requests__ready(in_ready),
        .replies__payload(out_payload), .replies__valid(out_valid), .replies__ready(out_ready),
        .links__0__downlink(downlink_0), .links__0__uplink(uplink_0), .links__0__uplink_strobe(lit_0),
        .links__0__locked(lit_0), .links__0__header_error(1'b0), .links__0__reset(),
        .links__1__downlink(downlink_1), .links__1__uplink(uplink_1), .links__1__uplink_strobe(lit_1),
        .links__1__locked(lit_1), .links__1__header_error(1'b0), .links__1__reset(),
        .fibres__0__valid(1'b0), .fibres__0__frame(128'd0), .fibres__0__bcid(12'd0), .fibres__0__flags(4'd0),
        .fibres__0__marker(1'b0), .fibres__0__locked(1'b0), .fibres__0__prbs_errors(8'd0),
        .scl_i(1'b1), .sda_i(1'b1), .scl_o(), .sda_o(), .receiver_resets(), .board_reset(), .bcr(), .marker()
    );
endmodule
