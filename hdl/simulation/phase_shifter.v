// Simulation only. One clock of the GBTx phase shifter: 40, 80, 160 or 320 MHz, delayed against the rising edges of
// `reference` by (16 coarse + fine) steps of a 512th of PERIOD_FS (25 ns: 48.83 ps), rounded to a femtosecond.
//
// Settings act with the next edge of the reference; what an earlier edge has begun is brought to its end.
`timescale 1fs / 1fs
module phase_shifter #(
    parameter PERIOD_FS = 25000000
) (
    input            reference,
    input            running,
    input      [1:0] frequency,
    input      [4:0] coarse,
    input      [3:0] fine,
    output reg       clock
);
    integer k;
    reg [63:0] delay, period;

    initial clock = 1'b0;

    always @(posedge reference)
        if (running) begin
            delay  = ({55'd0, coarse, fine} * PERIOD_FS + 256) / 512;
            period = PERIOD_FS >> frequency;
            for (k = 0; k < (1 << frequency); k = k + 1) begin
                clock <= #(delay + k * period) 1'b1;
                clock <= #(delay + k * period + period / 2) 1'b0;
            end
        end
endmodule
