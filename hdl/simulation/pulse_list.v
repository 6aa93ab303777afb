// Simulation only. Pulses of one clock at the cycles listed in NAME.bin: 64-bit words, first byte first, rising; cycle
// 0 is the first rising edge after `run` is set, whose time is `start_fs`.
`timescale 1fs / 1fs
module pulse_list #(
    parameter NAME = "pulses"
) (
    input      clock,
    output reg pulse
);
    reg        run;
    reg        open;
    reg [63:0] start_fs;
    reg [63:0] cycle;
    reg [63:0] next;
    integer    file;

    initial begin
        pulse    = 1'b0;
        run      = $test$plusargs("alone") != 0;
        open     = 1'b0;
        start_fs = 64'd0;
    end

    always @(posedge clock)
        if (run) begin
            if (!open) begin
                file = $fopen({NAME, ".bin"}, "rb");
                if (file == 0) begin
                    $display("pulse_list: cannot open %s.bin", NAME);
                    $finish;
                end
                open     = 1'b1;
                start_fs = $time;
                cycle    = 64'd0;
                if ($fread(next, file) != 8) next = ~64'd0;
            end
            pulse <= cycle == next;
            // Nested, because Icarus evaluates both sides of &&.
            if (cycle == next) begin
                if ($fread(next, file) != 8) next = ~64'd0;
            end
            cycle = cycle + 64'd1;
        end else begin
            if (open) $fclose(file);
            open = 1'b0;
            pulse <= 1'b0;
        end
endmodule
