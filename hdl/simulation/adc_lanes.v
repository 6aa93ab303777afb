// Simulation only. The serial outputs of a quad ADC: LANES lanes DDR, data clock, frame clock.
//
// Each bit lasts two HALF_FS; the data clock rises in the middle of slots 0, 2, 4 .. and falls in the middle of the odd
// ones; the frame clock is high during the first half of the slots. NAME.bin holds one word of SLOTS * LANES bits a
// bunch crossing, first byte first: slot 0 of lanes LANES-1 .. 0, then slot 1 and so on. When it is exhausted the lanes
// stay low, the clocks go on and `done` is set. Slot 0 of the first word begins at `start_fs`, as in clock_source.v.
// Of the lanes in the mask `late_lanes` every bit comes `late_fs` (less than HALF_FS) after the others.
`timescale 1fs / 1fs
module adc_lanes #(
    parameter NAME     = "adc",
    parameter LANES    = 4,
    parameter SLOTS    = 16,
    parameter HALF_FS  = 781250,
    parameter START_FS = 0,
    parameter POLL_FS  = 1000000
) (
    output reg             clock,
    output reg             frame,
    output reg [LANES-1:0] lanes
);
    localparam WORD = SLOTS * LANES;

    reg             run;
    reg             done;
    reg      [63:0] start_fs;
    reg      [31:0] late_fs;
    reg [LANES-1:0] late_lanes;
    reg  [WORD-1:0] bits;
    reg       [7:0] slot;
    integer         file;

    initial begin
        clock      = 1'b0;
        frame      = 1'b0;
        lanes      = {LANES{1'b0}};
        run        = $test$plusargs("alone") != 0;
        done       = 1'b0;
        start_fs   = START_FS;
        late_fs    = 32'd0;
        late_lanes = {LANES{1'b0}};
    end

    always begin
        #(POLL_FS);
        if (run) begin
            file = $fopen({NAME, ".bin"}, "rb");
            if (file == 0) begin
                $display("adc_lanes: cannot open %s.bin", NAME);
                $finish;
            end
            done = 1'b0;
            slot = 8'd0;
            if (start_fs > $time) #(start_fs - $time);
            while (run) begin
                if (slot == 8'd0) begin
                    if ($fread(bits, file) != WORD / 8) begin
                        done = 1'b1;
                        bits = {WORD{1'b0}};
                    end
                end
                frame = slot < SLOTS / 2;
                if (late_fs == 0) begin
                    lanes = bits[WORD-1-:LANES];
                    #(HALF_FS);
                end else begin
                    lanes = (lanes & late_lanes) | (bits[WORD-1-:LANES] & ~late_lanes);
                    #(late_fs);
                    lanes = bits[WORD-1-:LANES];
                    #(HALF_FS - late_fs);
                end
                clock = !slot[0];
                bits  = bits << LANES;
                slot  = slot == SLOTS - 1 ? 8'd0 : slot + 8'd1;
                #(HALF_FS);
            end
            clock = 1'b0;
            frame = 1'b0;
            lanes = {LANES{1'b0}};
            $fclose(file);
        end
    end
endmodule
