// Simulation only. One clock of the GBTx phase shifter: 40, 80, 160 or 320 MHz, delayed against the rising edges of
// `reference` by (16 coarse + fine) steps of a 512th of PERIOD_FS (25 ns: 48.83 ps), rounded to a femtosecond.
//
// Settings act with the next edge of the reference; what an earlier edge has begun is brought to its end.
`timescale 1fs / 1fs
module phase_shifter #(
    parameter PERIOD_FS = 25000000
) (
    input        reference,
    input        running,
    input  [1:0] frequency,
    input  [4:0] coarse,
    input  [3:0] fine,
    output       clock
);
    // What an edge begins may last until the edge after the next: two that take turns.
    reg  turn;
    wire pulses_0, pulses_1;

    initial turn = 1'b0;
    always @(posedge reference) turn <= !turn;
    assign clock = pulses_0 | pulses_1;
    phase_shifter_pulses #(.PERIOD_FS(PERIOD_FS)) even (
        .start(turn), .running(running), .frequency(frequency), .step({coarse, fine}), .pulses(pulses_0)
    );
    phase_shifter_pulses #(.PERIOD_FS(PERIOD_FS)) odd (
        .start(!turn), .running(running), .frequency(frequency), .step({coarse, fine}), .pulses(pulses_1)
    );
endmodule

// The pulses of one period, after a delay.
module phase_shifter_pulses #(
    parameter PERIOD_FS = 25000000
) (
    input            start,
    input            running,
    input      [1:0] frequency,
    input      [8:0] step,
    output reg       pulses
);
    reg [63:0] delay, half;
    integer    left;

    initial pulses = 1'b0;

    always @(posedge start)
        if (running) begin
            delay = ({55'd0, step} * PERIOD_FS + 256) / 512;
            half  = PERIOD_FS >> (frequency + 1);
            left  = 1 << frequency;
            if (delay != 0) #(delay);
            while (left != 0) begin
                pulses = 1'b1;
                #(half);
                pulses = 1'b0;
                left   = left - 1;
                if (left != 0) #(half);
            end
        end
endmodule
