// Simulation only. The packet engine of the board controller on its 40 MHz clock, with stand-ins for what it controls:
// simple enough to be written down a second time in Python (testbench/simulation/cases/controller.py).
//
// Python hands over up to LINE_BYTES bytes at once; they go in as fast as they are taken, or, with `uart` set, whatever
// comes on the serial line `rx` goes in instead. The bytes of the reply are collected until its closing zero.
`timescale 1fs / 1fs
module controller_bench #(
    parameter LINE_BYTES = 4096
) (
    output                    clock,
    input                     reset,
    input                     uart,
    input                     rx,
    output                    tx,
    // bytes to the controller
    input  [8*LINE_BYTES-1:0] line,
    input  [15:0]             line_count,
    input                     go,
    output                    gone,
    // packets from the controller
    output [8*1100-1:0]       reply,
    output [15:0]             reply_count,
    output [31:0]             replies,
    // what was done
    output reg [31:0]         executed,
    output reg [31:0]         frames_0,
    output reg [31:0]         crc_errors_0,
    output reg [31:0]         board_resets,
    output reg [31:0]         link_resets,
    output reg [31:0]         receiver_resets,
    output reg [31:0]         bcrs,
    output reg [15:0]         bcr_period,
    input  [7:0]              latency
);
    // Taken at the falling edge, as the inputs of `packet_line` and for the same reason.
    reg held, serial;
    initial held = 1'b1;
    always @(negedge clock) begin
        held   <= reset;
        serial <= uart;
    end

    clock_source #(.HIGH_FS(12500000), .LOW_FS(12500000)) source (.clock(clock));

    reg  [15:0] random;
    wire        pause = random[0] & random[3];
    always @(posedge clock) random <= held ? 16'hACE1 : {random[14:0], random[15] ^ random[13] ^ random[12] ^ random[10]};

    wire [7:0] uart_byte, line_byte, byte_out;
    wire       uart_valid, uart_damaged, uart_ready, line_valid, line_ready, out_valid, ready;
    packet_line #(.LINE_BYTES(LINE_BYTES)) packets (
        .clock(clock), .reset(held), .pause(pause), .line(line), .line_count(line_count), .go(go), .gone(gone),
        .to_payload(line_byte), .to_valid(line_valid), .to_ready(ready & ~serial),
        .from_payload(byte_out), .from_valid(out_valid & ~serial), .from_ready(line_ready),
        .reply(reply), .reply_count(reply_count), .replies(replies)
    );
    wire       valid     = serial ? uart_valid : line_valid;
    wire [7:0] byte_in   = serial ? uart_byte : line_byte;
    wire       out_ready = serial ? uart_ready : line_ready;

    // IC: 436 registers on each of two links; 400 to 409 do not answer, 410 to 419 answer badly.
    wire        ic_start, ic_write, ic_data_valid, ic_reply_ready;
    wire [15:0] ic_register;
    wire [8:0]  ic_count;
    wire [7:0]  ic_data, link, bus;
    reg  [7:0]  registers [0:1023];
    reg         ic_busy, ic_done;
    reg  [1:0]  ic_status;
    reg  [8:0]  ic_moved;
    wire        ic_silent = ic_register >= 400 && ic_register < 410;
    wire        ic_bad    = ic_register >= 410 && ic_register < 420;
    wire        ic_data_ready  = ic_busy & ic_write & (ic_moved != ic_count) & ~pause;
    wire        ic_reply_valid = ic_busy & ~ic_write & ~ic_silent & ~ic_bad & (ic_moved != ic_count) & random[5];
    integer i;
    initial for (i = 0; i < 1024; i = i + 1) registers[i] = 8'd0;
    wire [9:0] ic_place = {link[0], ic_register[8:0] + ic_moved};
    always @(posedge clock) begin
        ic_done <= 1'b0;
        if (held) ic_busy <= 1'b0;
        else if (~ic_busy) begin
            ic_moved <= 9'd0;
            if (ic_start) ic_busy <= 1'b1;
        end else begin
            if (ic_data_ready & ic_data_valid) registers[ic_place] <= ic_data;
            if ((ic_data_ready & ic_data_valid) | (ic_reply_valid & ic_reply_ready)) ic_moved <= ic_moved + 9'd1;
            if ((ic_moved == ic_count || (~ic_write & (ic_silent | ic_bad))) & random[2]) begin
                ic_done   <= 1'b1;
                ic_busy   <= 1'b0;
                ic_status <= ~ic_write & ic_silent ? 2'd1 : ~ic_write & ic_bad ? 2'd2 : 2'd0;
            end
        end
    end

    // SCA: channel 0x14 sets flags, 0x1E is silent, 0x1F answers badly; the others return data xor command.
    wire        sca_start, sca_port;
    wire [1:0]  sca_control;
    wire [7:0]  sca_channel, sca_length, sca_command;
    wire [31:0] sca_data;
    reg         sca_busy, sca_done;
    wire        sca_silent = sca_control == 0 ? sca_channel == 8'h1E : sca_port & (sca_control == 2'd3);
    wire        sca_bad    = sca_control == 0 && sca_channel == 8'h1F;
    always @(posedge clock) begin
        sca_done <= 1'b0;
        if (held) sca_busy <= 1'b0;
        else if (~sca_busy) sca_busy <= sca_start;
        else if (random[4:1] == 4'd9) begin
            sca_done <= 1'b1;
            sca_busy <= 1'b0;
        end
    end

    // I2C: address 0x55 refuses, 0x56 is on a stuck bus; reads return the bytes written, then the address, bus and count.
    wire        i2c_start, i2c_data_valid, i2c_reply_ready;
    wire [6:0]  i2c_address;
    wire [7:0]  i2c_writes, i2c_reads, i2c_data;
    reg         i2c_busy, i2c_done;
    reg  [7:0]  i2c_written, i2c_read;
    reg  [7:0]  i2c_bytes [0:255];
    wire        i2c_good        = i2c_address != 7'h55 && i2c_address != 7'h56;
    wire        i2c_data_ready  = i2c_busy & (i2c_written != i2c_writes) & ~pause;
    wire        i2c_reply_valid = i2c_busy & i2c_good & (i2c_written == i2c_writes) & (i2c_read != i2c_reads);
    wire [7:0]  i2c_reply       = i2c_read < i2c_writes ? i2c_bytes[i2c_read] : {1'b0, i2c_address} ^ {bus[3:0], 4'd0} ^ i2c_read;
    always @(posedge clock) begin
        i2c_done <= 1'b0;
        if (held) i2c_busy <= 1'b0;
        else if (~i2c_busy) begin
            i2c_written <= 8'd0;
            i2c_read    <= 8'd0;
            i2c_busy    <= i2c_start;
        end else begin
            if (i2c_data_ready & i2c_data_valid) begin
                i2c_bytes[i2c_written] <= i2c_data;
                i2c_written <= i2c_written + 8'd1;
            end
            if (i2c_reply_valid & i2c_reply_ready) i2c_read <= i2c_read + 8'd1;
            if (i2c_written == i2c_writes && (~i2c_good || i2c_read == i2c_reads)) begin
                i2c_done <= 1'b1;
                i2c_busy <= 1'b0;
            end
        end
    end

    always @(posedge clock)
        if (held) executed <= 32'd0;
        else executed <= executed + ic_done + sca_done + i2c_done;

    // Fibres 0 and 1 bring a frame every clock that names fibre and BCID; one in 16 has a wrong CRC. Fibre 2 is dark.
    reg  [11:0] bcid;
    reg  [7:0]  mark_age;
    wire        marker;
    wire [15:0] name_0 = {4'd0, bcid}, name_1 = {4'd1, bcid};
    wire [3:0]  flags = {3'd0, bcid[3:0] == 4'd5};
    wire        marked = mark_age == latency;
    wire        bcr;
    reg         bcr_before;
    reg  [15:0] since_bcr;
    always @(posedge clock) begin
        bcid <= held || bcid == 12'd3563 ? 12'd0 : bcid + 12'd1;
        mark_age <= marker ? 8'd1 : mark_age != 8'd0 ? mark_age + 8'd1 : 8'd0;
        frames_0 <= held ? 32'd0 : frames_0 + 32'd1;
        crc_errors_0 <= held ? 32'd0 : crc_errors_0 + flags[0];
        bcr_before <= bcr;
        since_bcr <= bcr ? 16'd1 : since_bcr + 16'd1;
        bcrs <= held ? 32'd0 : bcrs + (bcr & ~bcr_before);
        if (bcr & ~bcr_before) bcr_period <= since_bcr;
    end

    wire       board_reset, packet_received, packet_dropped;
    wire [1:0] link_reset;
    wire [2:0] receiver_reset;
    reg  [5:0] resets_before;
    wire [5:0] resets_now = {receiver_reset, link_reset, board_reset};
    wire [5:0] resets_rise = resets_now & ~resets_before;
    always @(posedge clock) begin
        resets_before <= resets_now;
        board_resets <= held ? 32'd0 : board_resets + resets_rise[0];
        link_resets <= held ? 32'd0 : link_resets + resets_rise[1] + (resets_rise[2] << 8);
        receiver_resets <= held ? 32'd0 : receiver_resets + resets_rise[3] + (resets_rise[4] << 8) + (resets_rise[5] << 16);
    end

    packet_engine engine (
        .clk(clock), .rst(held), .strobe(1'b1),
        .requests__payload(byte_in), .requests__valid(valid), .requests__ready(ready), .damaged(serial & uart_damaged),
        .replies__payload(byte_out), .replies__valid(out_valid), .replies__ready(out_ready),
        .link(link), .bus(bus),
        .ic__start(ic_start), .ic__write(ic_write), .ic__register(ic_register), .ic__count(ic_count),
        .ic__data__payload(ic_data), .ic__data__valid(ic_data_valid), .ic__data__ready(ic_data_ready),
        .ic__reply__payload(registers[ic_place]), .ic__reply__valid(ic_reply_valid), .ic__reply__ready(ic_reply_ready),
        .ic__busy(ic_busy), .ic__done(ic_done), .ic__status(ic_status),
        .sca__start(sca_start), .sca__control(sca_control), .sca__port(sca_port), .sca__channel(sca_channel),
        .sca__length(sca_length), .sca__command(sca_command), .sca__data(sca_data),
        .sca__busy(sca_busy), .sca__done(sca_done), .sca__status(sca_silent ? 2'd1 : sca_bad ? 2'd2 : 2'd0),
        .sca__flags(sca_channel == 8'h14 ? 8'h60 : 8'h00), .sca__reply(sca_data ^ {24'd0, sca_command} ^ {sca_length, 24'd0}),
        .i2c__start(i2c_start), .i2c__address(i2c_address), .i2c__writes(i2c_writes), .i2c__reads(i2c_reads),
        .i2c__data__payload(i2c_data), .i2c__data__valid(i2c_data_valid), .i2c__data__ready(i2c_data_ready),
        .i2c__reply__payload(i2c_reply), .i2c__reply__valid(i2c_reply_valid), .i2c__reply__ready(i2c_reply_ready),
        .i2c__busy(i2c_busy), .i2c__done(i2c_done),
        .i2c__refused(i2c_address == 7'h55), .i2c__stuck(i2c_address == 7'h56),
        .fibres__0__valid(1'b1), .fibres__0__frame({8{name_0}}), .fibres__0__bcid(bcid), .fibres__0__flags(flags),
        .fibres__0__marker(marked), .fibres__0__locked(1'b1), .fibres__0__prbs_errors(8'd0),
        .fibres__1__valid(1'b1), .fibres__1__frame({8{name_1}}), .fibres__1__bcid(bcid), .fibres__1__flags(flags),
        .fibres__1__marker(1'b0), .fibres__1__locked(1'b1), .fibres__1__prbs_errors(8'd3),
        .fibres__2__valid(1'b0), .fibres__2__frame(128'd0), .fibres__2__bcid(12'd0), .fibres__2__flags(4'd0),
        .fibres__2__marker(1'b0), .fibres__2__locked(1'b0), .fibres__2__prbs_errors(8'd0),
        .link_steps__0({packet_dropped, packet_received, 6'd1}), .link_steps__1({packet_dropped, packet_received, 6'd0}),
        .packet_received(packet_received), .packet_dropped(packet_dropped),
        .board_reset(board_reset), .link_resets(link_reset), .receiver_resets(receiver_reset),
        .bcr(bcr), .marker(marker)
    );

    uart_receiver receiver (
        .clk(clock), .rst(held), .line(rx), .bytes__payload(uart_byte), .bytes__valid(uart_valid),
        .bytes__ready(serial & ready), .damaged(uart_damaged)
    );
    uart_transmitter transmitter (
        .clk(clock), .rst(held), .line(tx), .bytes__payload(byte_out), .bytes__valid(serial & out_valid),
        .bytes__ready(uart_ready)
    );
endmodule
