// Simulation only. The PC's end of the controller's byte streams.
//
// Bytes in `line` go in, the lowest first, while `go` is high, with random pauses; `gone` says that all were taken. The
// bytes of a reply are collected in `reply`, the first one lowest, until its closing zero; `replies` counts them.
//
// `line`, `line_count` and `go` are taken at the falling edge: Verilator computes all logic behind a signal that may be
// written from outside whenever time moves on, and behind these lies most of the controller.
`timescale 1fs / 1fs
module packet_line #(
    parameter LINE_BYTES = 4096,
    parameter REPLY_BYTES = 1100
) (
    input                          clock,
    input                          reset,
    input                          pause,
    input  [8*LINE_BYTES-1:0]      line,
    input  [15:0]                  line_count,
    input                          go,
    output                         gone,
    output [7:0]                   to_payload,
    output                         to_valid,
    input                          to_ready,
    input  [7:0]                   from_payload,
    input                          from_valid,
    output                         from_ready,
    output reg [8*REPLY_BYTES-1:0] reply,
    output reg [15:0]              reply_count,
    output reg [31:0]              replies
);
    reg                    going, all_sent;
    reg [8*LINE_BYTES-1:0] bytes;
    reg [15:0]             count, sent;
    initial begin
        going    = 1'b0;
        all_sent = 1'b0;
        reply    = 0;
    end
    always @(negedge clock) begin
        going <= go;
        if (go & ~going) begin
            bytes <= line;
            count <= line_count;
        end
    end
    assign to_valid   = going & ~all_sent & (sent != count) & ~pause;
    assign to_payload = bytes[8*sent +: 8];
    assign gone       = all_sent;
    always @(posedge clock)
        if (!going) begin
            sent     <= 16'd0;
            all_sent <= 1'b0;
        end else begin
            if (to_valid & to_ready) sent <= sent + 16'd1;
            all_sent <= sent == count;
        end

    reg ended;
    assign from_ready = ~pause;
    always @(posedge clock)
        if (reset) begin
            replies <= 32'd0;
            reply_count <= 16'd0;
            ended <= 1'b0;
        end else if (from_valid & from_ready) begin
            reply[8*(ended ? 16'd0 : reply_count) +: 8] <= from_payload;
            reply_count <= ended ? 16'd1 : reply_count + 16'd1;
            ended <= from_payload == 8'd0;
            if (from_payload == 8'd0) replies <= replies + 32'd1;
        end
endmodule
