// Simulation only. A clock whose edges are exact to the femtosecond, made in HDL so that no Python runs per edge.
//
// HIGH_FS and LOW_FS need not be equal: a unit interval of 195.3125 ps is 195312 fs high and 195313 fs low.
// `run` starts the clock `phase_fs` after it is set; the rising edges then fall at phase_fs + n * (HIGH_FS + LOW_FS).
// When `run` is cleared the clock finishes its period and stays low.
`timescale 1fs / 1fs
module clock_source #(
    parameter HIGH_FS = 1000,
    parameter LOW_FS  = 1000
) (
    output reg clock
);
    reg        run;
    reg [63:0] phase_fs;

    initial begin
        clock    = 1'b0;
        run      = 1'b0;
        phase_fs = 64'd0;
    end

    always begin
        wait (run);
        if (phase_fs != 0) #(phase_fs);
        while (run) begin
            clock = 1'b1;
            #(HIGH_FS);
            clock = 1'b0;
            #(LOW_FS);
        end
    end
endmodule
