// Simulation only. Plays words from the file NAME.bin of the run's directory, one a clock, first byte first.
//
// Set `run` to begin (the file is read from its start); `done` rises when it is exhausted, and the last word stays.
// WIDTH is a multiple of 8.
`timescale 1fs / 1fs
module player #(
    parameter WIDTH = 16,
    parameter NAME  = "player"
) (
    input                  clock,
    output reg [WIDTH-1:0] word,
    output reg             valid
);
    reg             run;
    reg             done;
    reg             open;
    reg [WIDTH-1:0] next;
    integer         file;

    initial begin
        word  = {WIDTH{1'b0}};
        valid = 1'b0;
        run   = $test$plusargs("alone") != 0;
        done  = 1'b0;
        open  = 1'b0;
    end

    always @(posedge clock)
        if (run && !done) begin
            if (!open) begin
                file = $fopen({NAME, ".bin"}, "rb");
                if (file == 0) begin
                    $display("player: cannot open %s.bin", NAME);
                    $finish;
                end
                open = 1'b1;
            end
            if ($fread(next, file) == WIDTH / 8) begin
                word  <= next;
                valid <= 1'b1;
            end else begin
                valid <= 1'b0;
                done  <= 1'b1;
            end
        end else if (!run) begin
            if (open) $fclose(file);
            open = 1'b0;
            valid <= 1'b0;
            done  <= 1'b0;
        end
endmodule
