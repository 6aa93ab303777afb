// Simulation only. The registers of the GBTx, driven from a file. steps.bin holds 8 bytes a clock, from the low end: data to
// write (8), address (16), whether to write (1), 7 bits of nothing, bits to upset (8), register to upset (9). values.bin gets
// for each, before the clock edge at which it acts: the register at that address (8), 24 bits of nothing, and all values
// as the chip takes them.
`timescale 1fs / 1fs
module gbtx_registers_bench (
    input reset
);
    localparam RECORD = (`VALUES + 32 + 31) / 32 * 32;

    wire               clock, playing;
    wire        [63:0] step;
    wire         [7:0] read_data;
    wire [`VALUES-1:0] values;

    clock_source #(.HIGH_FS(500000), .LOW_FS(500000)) source (.clock(clock));
    player #(.WIDTH(64), .NAME("steps")) steps (.clock(!clock), .word(step), .valid(playing));
    gbtx_registers registers (
        .clk(clock), .rst(reset), .read_address(step[23:8]), .read_data(read_data), .write(step[24] && playing),
        .write_address(step[23:8]), .write_data(step[7:0]), .upset_register(step[48:40]),
        .upset_bits(playing ? step[39:32] : 8'd0), .values(values)
    );
    recorder #(.WIDTH(RECORD), .NAME("values")) recorded (
        .clock(clock), .enable(playing), .word({{(RECORD - `VALUES - 32) {1'b0}}, values, 24'd0, read_data})
    );
endmodule
