// Simulation only. Writes words, each with the time of its clock edge, to the file NAME.bin of the run's directory.
//
// A record is the word and above it 64 bits of time in femtoseconds, as one little-endian number; WIDTH is a multiple
// of 32. After every `block` records the file is flushed and `blocks` counts up: the only moment Python has to wake.
// Set `run` to begin with an empty file; clear it to have what is there flushed and the file closed (`open` falls).
`timescale 1fs / 1fs
module recorder #(
    parameter WIDTH = 32,
    parameter NAME  = "recorder"
) (
    input             clock,
    input             enable,
    input [WIDTH-1:0] word
);
    reg          run;
    reg          open;
    reg   [31:0] block;
    reg   [31:0] blocks;
    reg   [31:0] filled;
    reg   [63:0] now;
    integer      file;

    initial begin
        run    = $test$plusargs("alone") != 0;
        open   = 1'b0;
        block  = 32'd256;
        blocks = 32'd0;
    end

    always @(posedge clock)
        if (run) begin
            if (!open) begin
                file   = $fopen({NAME, ".bin"}, "wb");
                open   = 1'b1;
                filled = 32'd0;
                if (file == 0) begin
                    $display("recorder: cannot write %s.bin", NAME);
                    $finish;
                end
            end
            if (enable) begin
                now = $time;
                $fwrite(file, "%u", {now, word});
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
