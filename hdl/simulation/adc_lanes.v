// Simulation only. The serial outputs of a quad ADC: LANES lanes DDR, data clock, frame clock.
//
// Each bit lasts two HALF_FS; the data clock rises in the middle of slots 0, 2, 4 .. and falls in the middle of the odd
// ones; the frame clock is high during the first half of the slots. NAME.bin holds one word of SLOTS * LANES bits a
// bunch crossing, first byte first: slot 0 of lanes LANES-1 .. 0, then slot 1 and so on. When it is exhausted the lanes
// stay low, the clocks go on and `done` is set. `phase_fs` is waited for after `run` is set; `start_fs` is then the time
// at which slot 0 of the first word began. `skew_fs` delays lane i by bits 32 i + 31 .. 32 i femtoseconds.
`timescale 1fs / 1fs
module adc_lanes #(
    parameter NAME    = "adc",
    parameter LANES   = 4,
    parameter SLOTS   = 16,
    parameter HALF_FS = 781250
) (
    output reg             clock,
    output reg             frame,
    output reg [LANES-1:0] lanes
);
    localparam WORD = SLOTS * LANES;

    reg                run;
    reg                done;
    reg         [63:0] phase_fs;
    reg         [63:0] start_fs;
    reg [32*LANES-1:0] skew_fs;
    reg     [WORD-1:0] bits;
    reg    [LANES-1:0] slot_bits;
    integer            slot;
    integer            file;

    initial begin
        clock     = 1'b0;
        frame     = 1'b0;
        lanes     = {LANES{1'b0}};
        slot_bits = {LANES{1'b0}};
        run       = 1'b0;
        done      = 1'b0;
        phase_fs  = 64'd0;
        start_fs  = 64'd0;
        skew_fs   = {32 * LANES{1'b0}};
    end

    always begin
        wait (run);
        file = $fopen({NAME, ".bin"}, "rb");
        if (file == 0) begin
            $display("adc_lanes: cannot open %s.bin", NAME);
            $finish;
        end
        done = 1'b0;
        if (phase_fs != 0) #(phase_fs);
        start_fs = $time;
        slot     = 0;
        while (run) begin
            if (slot == 0) begin
                if ($fread(bits, file) != WORD / 8) begin
                    done = 1'b1;
                    bits = {WORD{1'b0}};
                end
                frame = 1'b1;
            end else if (slot == SLOTS / 2) frame = 1'b0;
            slot_bits = bits[WORD-1-:LANES];
            #(HALF_FS);
            clock = 1'b1;
            #(HALF_FS);
            slot_bits = bits[WORD-1-LANES-:LANES];
            #(HALF_FS);
            clock = 1'b0;
            bits  = bits << (2 * LANES);
            slot  = (slot + 2) % SLOTS;
            #(HALF_FS);
        end
        $fclose(file);
    end

    genvar i;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : lane
            always @(slot_bits[i])
                if (skew_fs[32*i+:32] == 0) lanes[i] = slot_bits[i];
                else lanes[i] <= #(skew_fs[32*i+:32]) slot_bits[i];
        end
    endgenerate
endmodule
