// Simulation only. An I2C slave with registers, written from the I2C-bus specification (UM10204) alone: it shares
// nothing with the targets of hdl/.
//
// The first byte written is the register number, which every further byte moves on; bytes beyond SIZE are not
// acknowledged and read as 0. With POINTER = 0 it is a single register without a number. With TEN_BIT = 1 the address
// has ten bits: a read is a write of the address alone, and a repeated start with the first address byte again.
`timescale 1fs / 1fs
module i2c_memory #(
    parameter [9:0] ADDRESS = 10'h50,
    parameter TEN_BIT       = 0,
    parameter SIZE          = 32,
    parameter POINTER       = 1
) (
    input      clock,
    input      reset,
    input      scl,
    input      sda,
    output reg low
);
    localparam IDLE = 0, FIRST = 1, SECOND = 2, WRITE = 3, READ = 4;

    reg [7:0] registers [0:255];
    reg [7:0] shift, pointer;
    reg [3:0] count;
    reg [2:0] state;
    reg       scl_before, sda_before, pointed, reading, refused, selected;
    integer   i;

    wire [6:0] first = TEN_BIT ? {5'b11110, ADDRESS[9:8]} : ADDRESS[6:0];

    task fetch;
        begin
            shift = pointer < SIZE ? registers[pointer] : 8'h00;
            if (POINTER) pointer = pointer + 8'd1;
            low = ~shift[7];
        end
    endtask

    // Decides on the acknowledge of the byte in `shift`.
    task take;
        begin
            low = 1'b0;
            case (state)
                FIRST: begin
                    reading = shift[0];
                    // The first byte alone selects a ten-bit slave again, if it was selected before.
                    low = shift[7:1] == first && (!TEN_BIT || !reading || selected);
                end
                SECOND: low = shift == ADDRESS[7:0];
                WRITE:
                    if (POINTER && !pointed) begin
                        pointer = shift;
                        pointed = 1'b1;
                        low     = 1'b1;
                    end else begin
                        low = pointer < SIZE;
                        if (pointer < SIZE) registers[pointer] = shift;
                        if (POINTER) pointer = pointer + 8'd1;
                    end
                default: ;
            endcase
            refused = ~low;
        end
    endtask

    // What follows an acknowledged byte.
    task follow;
        begin
            low   = 1'b0;
            count = 4'd0;
            if (refused) state = IDLE;
            else
                case (state)
                    FIRST: begin
                        pointed = 1'b0;
                        state   = reading ? READ : TEN_BIT ? SECOND : WRITE;
                    end
                    SECOND: begin
                        selected = 1'b1;
                        state    = WRITE;
                    end
                    default: ;
                endcase
            if (state == READ) fetch;
        end
    endtask

    always @(posedge clock)
        if (reset) begin
            for (i = 0; i < 256; i = i + 1) registers[i] = 8'h00;
            {low, pointed, reading, refused, selected} = 5'd0;
            {scl_before, sda_before} = 2'b11;
            state   = IDLE;
            pointer = 8'd0;
            count   = 4'd0;
            shift   = 8'd0;
        end else begin
            if (scl && scl_before && sda_before && !sda) begin
                state = FIRST;
                count = 4'd0;
                low   = 1'b0;
            end else if (scl && scl_before && !sda_before && sda) begin
                state    = IDLE;
                selected = 1'b0;
                low      = 1'b0;
            end else if (scl && !scl_before) begin
                if (state == READ && count == 4'd8) refused = sda;
                else if (state != READ) shift = {shift[6:0], sda};
                count = count + 4'd1;
            end else if (!scl && scl_before && state != IDLE) begin
                if (count == 4'd9) follow;
                else if (count == 4'd8) begin
                    if (state == READ) low = 1'b0;
                    else take;
                end else if (state == READ) begin
                    shift = {shift[6:0], 1'b0};
                    low   = ~shift[7];
                end
            end
            scl_before = scl;
            sda_before = sda;
        end
endmodule
