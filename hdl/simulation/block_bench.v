// Simulation only. The simulation's own parts against each other: words played, serialized by the simplest possible
// serializer, monitored, disturbed, deserialized and recorded; and the lanes of one ADC recorded slot by slot.
`timescale 1fs / 1fs
module block_bench #(
    parameter PAIR_FS = 390625,
    parameter LANES   = 4,
    parameter SLOTS   = 16
) ();
    wire        bit_clock, sample_clock, word_clock, pulse, adc_clock, adc_frame;
    wire [15:0] sent, received;
    wire  [3:0] lanes;
    reg   [2:0] count;
    reg  [15:0] shift;
    reg         line, load;

    clock_source #(.HIGH_FS(PAIR_FS / 2), .LOW_FS(PAIR_FS - PAIR_FS / 2)) bit_source (.clock(bit_clock));
    clock_source #(.HIGH_FS(PAIR_FS / 2), .LOW_FS(PAIR_FS - PAIR_FS / 2), .START_FS(1000000 + PAIR_FS / 4)) sample_source (.clock(sample_clock));
    player #(.WIDTH(16), .NAME("words")) words (.clock(load), .word(sent), .valid());
    line_monitor #(.NAME("line")) monitor (.sample_clock(sample_clock), .line(line));
    line_receiver #(.NAME("errors")) receiver (
        .sample_clock(sample_clock), .line(line), .word_clock(word_clock), .word(received)
    );
    recorder #(.WIDTH(32), .NAME("received")) output_recorder (
        .clock(word_clock), .enable(1'b1), .word({16'd0, received})
    );

    initial begin
        count = 3'd0;
        shift = 16'd0;
        line  = 1'b0;
        load  = 1'b0;
    end
    always @(posedge bit_clock) begin
        line  = shift[15];
        load  = count == 3'd3;
        count = count + 3'd1;
    end
    always @(negedge bit_clock) begin
        line  = shift[14];
        shift = count == 3'd0 ? sent : {shift[13:0], 2'b00};
    end

    pulse_list #(.NAME("pulses")) pulses (.clock(load), .pulse(pulse));
    recorder #(.WIDTH(32), .NAME("pulsed")) pulse_recorder (.clock(load), .enable(pulse), .word(32'd0));

    adc_lanes #(.NAME("adc"), .LANES(LANES), .SLOTS(SLOTS), .HALF_FS(2 * PAIR_FS)) adc (
        .clock(adc_clock), .frame(adc_frame), .lanes(lanes)
    );
    recorder #(.WIDTH(32), .NAME("rising")) rising_recorder (
        .clock(adc_clock), .enable(1'b1), .word({23'd0, adc_frame, 4'd0, lanes})
    );
    recorder #(.WIDTH(32), .NAME("falling")) falling_recorder (
        .clock(!adc_clock), .enable(1'b1), .word({23'd0, adc_frame, 4'd0, lanes})
    );
endmodule
