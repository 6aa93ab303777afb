// Simulation only. Ends a simulation that runs past +limit=<femtoseconds>, for simulators without a limit of their own.
`timescale 1fs / 1fs
module simulated_limit;
    reg [63:0] limit_fs;

    initial
        if ($value$plusargs("limit=%d", limit_fs)) begin
            #(limit_fs);
            $display("simulated time limit of %0d fs reached", limit_fs);
            $finish;
        end
endmodule
