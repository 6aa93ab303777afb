// Simulation only. Both decoders of one Reed-Solomon word, fed from a file. words.bin holds 8 bytes a word, the word in the
// low 60 bits. decoded.bin gets for each, from the low end: data (44), symbols changed (2), error, a bit of nothing, as
// the textbook decoder has them, and the same 48 bits as the decoder with the defect of GBT-FPGA has them.
`timescale 1fs / 1fs
module gbt_decoder_bench ();
    wire        clock, playing;
    wire [63:0] word;
    wire [43:0] textbook, compatible;
    wire  [1:0] textbook_changed, compatible_changed;
    wire        textbook_error, compatible_error;

    clock_source #(.HIGH_FS(500000), .LOW_FS(500000)) source (.clock(clock));
    player #(.WIDTH(64), .NAME("words")) words (.clock(!clock), .word(word), .valid(playing));
    decoder_textbook decoder_textbook (
        .word(word[59:0]), .data(textbook), .error(textbook_error), .changed(textbook_changed)
    );
    decoder_gbt_fpga_compatible decoder_gbt_fpga_compatible (
        .word(word[59:0]), .data(compatible), .error(compatible_error), .changed(compatible_changed)
    );
    recorder #(.WIDTH(96), .NAME("decoded")) decoded (
        .clock(clock), .enable(playing),
        .word({
            1'b0, compatible_error, compatible_changed, compatible, 1'b0, textbook_error, textbook_changed, textbook
        })
    );
endmodule
