// Simulation only. Records the bits of a line, sampled on both edges of `sample_clock`, to NAME.bin, the first bit on
// top of the first byte, 64 at a time. `start_fs` is the time of the first sample. After every `block` times 64 bits
// the file is flushed and `blocks` counts up. `run` as in recorder.v.
`timescale 1fs / 1fs
module line_monitor #(
    parameter NAME = "line"
) (
    input sample_clock,
    input line
);
    reg        run;
    reg        open;
    reg [63:0] start_fs;
    reg [31:0] block;
    reg [31:0] blocks;
    reg [31:0] filled;
    reg  [5:0] bits;
    reg [63:0] shift;
    integer    file;

    initial begin
        run      = $test$plusargs("alone") != 0;
        open     = 1'b0;
        start_fs = 64'd0;
        block    = 32'd256;
        blocks   = 32'd0;
    end

    always @(posedge sample_clock or negedge sample_clock)
        if (run) begin
            if (!open) begin
                file     = $fopen({NAME, ".bin"}, "wb");
                open     = 1'b1;
                start_fs = $time;
                bits     = 6'd0;
                filled   = 32'd0;
                if (file == 0) begin
                    $display("line_monitor: cannot write %s.bin", NAME);
                    $finish;
                end
            end
            shift = {shift[62:0], line === 1'b1};  // as line_receiver.v
            bits  = bits + 6'd1;
            if (bits == 6'd0) begin
                $fwrite(file, "%u", {shift[7:0], shift[15:8], shift[23:16], shift[31:24],
                                     shift[39:32], shift[47:40], shift[55:48], shift[63:56]});
                filled = filled + 32'd1;
                if (filled == block) begin
                    $fflush(file);
                    filled = 32'd0;
                    blocks = blocks + 32'd1;
                end
            end
        end else if (open) begin
            $fclose(file);
            open = 1'b0;
        end
endmodule
