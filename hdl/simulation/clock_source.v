// Simulation only. A clock whose edges are exact to the femtosecond, made in HDL so that no Python runs per edge.
//
// HIGH_FS and LOW_FS need not be equal: a unit interval of 195.3125 ps is 195312 fs high and 195313 fs low.
// `run` starts the clock: its first rising edge comes at time `start_fs`, or within POLL_FS if that is past. When `run`
// is cleared the clock finishes its period and stays low. A stopped clock looks at `run` every POLL_FS; waiting for it
// to change would cost Verilator a third of its speed even while the clock runs.
// With the plusarg +alone this and every other part of a bench runs from the start, without Python: that is how the
// speed of a simulator by itself is measured.
`timescale 1fs / 1fs
module clock_source #(
    parameter HIGH_FS  = 1000,
    parameter LOW_FS   = 1000,
    parameter START_FS = 0,
    parameter POLL_FS  = 1000000
) (
    output reg clock
);
    reg        run;
    reg [63:0] start_fs;

    initial begin
        clock    = 1'b0;
        run      = $test$plusargs("alone") != 0;
        start_fs = START_FS;
    end

    always begin
        #(POLL_FS);
        if (run) begin
            if (start_fs > $time) #(start_fs - $time);
            while (run) begin
                clock = 1'b1;
                #(HIGH_FS);
                clock = 1'b0;
                #(LOW_FS);
            end
        end
    end
endmodule
