// Simulation only. A counter on a clock made in HDL: the smallest thing the simulators can be tried on.
`timescale 1fs / 1fs
module heartbeat #(
    parameter HIGH_FS = 195312,
    parameter LOW_FS  = 195313
) (
    input             enable,
    output            clock,
    output reg [31:0] count
);
    clock_source #(.HIGH_FS(HIGH_FS), .LOW_FS(LOW_FS)) source (.clock(clock));

    initial count = 32'd0;
    always @(posedge clock) if (enable) count <= count + 32'd1;
endmodule
