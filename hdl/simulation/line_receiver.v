// Simulation only. The far end of a fibre: an ideal sampler, an error injector, and a 1:16 deserializer.
//
// `line` is sampled on both edges of `sample_clock`. NAME.bin lists what happens to the bits, as 64-bit words, first
// byte first, one an event: bits 61..0 the number of the sampled bit, counted from 0 when `run` is set, rising from
// event to event; bits 63..62 what is done: 0 invert the bit, 1 lose it, 2 put a 0 before it, 3 put a 1 before it.
// Sixteen bits, the first on top, make a `word`; `word_clock` rises with it and falls eight bits later. A slip
// stretches or shortens that clock by one bit, as clock recovery does. Nothing says where a frame begins.
`timescale 1fs / 1fs
module line_receiver #(
    parameter NAME = "errors"
) (
    input             sample_clock,
    input             line,
    output reg        word_clock,
    output reg [15:0] word
);
    reg        run;
    reg        open;
    reg [63:0] start_fs;
    reg [61:0] bits;
    reg [61:0] event_bit;
    reg  [1:0] event_kind;
    reg [63:0] event_word;
    reg [15:0] shift;
    reg  [3:0] filled;
    reg        value;
    integer    file;

    initial begin
        word_clock = 1'b0;
        word       = 16'd0;
        run        = $test$plusargs("alone") != 0;
        open       = 1'b0;
        start_fs   = 64'd0;
    end

    task next_event;
        begin
            if ($fread(event_word, file) == 8) {event_kind, event_bit} = event_word;
            else event_bit = ~62'd0;
        end
    endtask

    task push(input bit_value);
        begin
            shift  = {shift[14:0], bit_value};
            filled = filled + 4'd1;
            if (filled == 4'd0) begin
                word        = shift;
                word_clock <= 1'b1;  // after the word has settled in what it is an input of
            end else if (filled == 4'd8) word_clock <= 1'b0;
        end
    endtask

    always @(posedge sample_clock or negedge sample_clock)
        if (run) begin
            if (!open) begin
                file = $fopen({NAME, ".bin"}, "rb");
                if (file == 0) begin
                    $display("line_receiver: cannot open %s.bin", NAME);
                    $finish;
                end
                open     = 1'b1;
                start_fs = $time;
                bits     = 62'd0;
                filled   = 4'd0;
                shift    = 16'd0;
                next_event;
            end
            value = line === 1'b1;  // a sampler decides, also where a simulator knows no level
            if (bits == event_bit) begin
                case (event_kind)
                    2'd0: push(!value);
                    2'd1: ;
                    default: begin
                        push(event_kind[0]);
                        push(value);
                    end
                endcase
                next_event;
            end else push(value);
            bits = bits + 62'd1;
        end else if (open) begin
            $fclose(file);
            open        = 1'b0;
            word_clock <= 1'b0;
        end
endmodule
