/*
 * A Modbus device for tests, answered by libmodbus: over TCP, or RTU on a serial line.
 *
 *     interop_server tcp UNIT [KEY=VALUE ...]                the port is printed once it listens at 127.0.0.1
 *     interop_server rtu UNIT DEVICE BAUDRATE [KEY=VALUE ...]   "ready" is printed once the line is open
 *
 * Its tables have addresses FIRST to FIRST + COUNT - 1: holding register i holds i, input register i 1000 + i, coil i is
 * on where 3 divides i, discrete input i where i is odd. From holding FIRST + 100 on stand four floats of 123456.75, in
 * the orders ABCD, CDAB, BADC and DCBA of their bytes on the wire. (Not by modbus_set_float_abcd and its like: those of
 * libmodbus 3.1.6 swap the bytes of a little-endian machine once too often.) Requests to other units are not answered.
 *
 * Keys: first, count; hole (an address that no read may cover); most (longest read, in registers or bits); refuse (a
 * function that it does not know); delay_ms (before each answer); drop_after (answers on one connection, then it hangs
 * up); log (a file that gets a line for each request: function, first, count).
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <modbus.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_PEERS = 16, LONGEST = MODBUS_TCP_MAX_ADU_LENGTH, FLOATS = 100 };

struct device {
    modbus_t *ctx;
    modbus_mapping_t *map;
    int unit, first, count, hole, most, refuse, delay_ms, drop_after;
    FILE *log;
};

static void die(const char *what)
{
    fprintf(stderr, "interop_server: %s: %s\n", what, modbus_strerror(errno));
    exit(1);
}

static int be16(const uint8_t *at)
{
    return at[0] << 8 | at[1];
}

static uint16_t swapped(uint16_t word)
{
    return (uint16_t)(word << 8 | word >> 8);
}

static void put_float(uint16_t *at, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint16_t high = (uint16_t)(bits >> 16), low = (uint16_t)bits;
    uint16_t orders[] = {high, low, low, high, swapped(high), swapped(low), swapped(low), swapped(high)};
    memcpy(at, orders, sizeof orders);
}

static void fill(struct device *device)
{
    modbus_mapping_t *map = modbus_mapping_new_start_address(
        device->first, device->count, device->first, device->count, device->first, device->count, device->first,
        device->count);
    if (map == NULL)
        die("mapping");
    for (int i = 0; i < device->count; i++) {
        int address = device->first + i;
        map->tab_registers[i] = (uint16_t)address;
        map->tab_input_registers[i] = (uint16_t)(1000 + address);
        map->tab_bits[i] = address % 3 == 0;
        map->tab_input_bits[i] = address % 2;
    }
    if (device->count >= FLOATS + 8)
        put_float(map->tab_registers + FLOATS, 123456.75f);
    device->map = map;
}

/* Returns 0 when the peer is to be hung up on. */
static int answer(struct device *device)
{
    uint8_t query[LONGEST];
    int size = modbus_receive(device->ctx, query), header = modbus_get_header_length(device->ctx);
    if (size <= 0)
        return size == 0; /* 0: for another unit, on a serial line */
    const uint8_t *pdu = query + header;
    int function = pdu[0], first = be16(pdu + 1), count = be16(pdu + 3);
    int reads = function <= MODBUS_FC_READ_INPUT_REGISTERS || function == MODBUS_FC_WRITE_AND_READ_REGISTERS;
    if (query[header - 1] != device->unit)
        return 1;
    if (device->log) {
        fprintf(device->log, "%d %d %d\n", function, first, count);
        fflush(device->log);
    }
    usleep((useconds_t)device->delay_ms * 1000);
    if (function == device->refuse)
        return modbus_reply_exception(device->ctx, query, MODBUS_EXCEPTION_ILLEGAL_FUNCTION) >= 0;
    if (reads && count > device->most)
        return modbus_reply_exception(device->ctx, query, MODBUS_EXCEPTION_ILLEGAL_DATA_VALUE) >= 0;
    if (reads && first <= device->hole && device->hole < first + count)
        return modbus_reply_exception(device->ctx, query, MODBUS_EXCEPTION_ILLEGAL_DATA_ADDRESS) >= 0;
    return modbus_reply(device->ctx, query, size, device->map) >= 0;
}

static void serve_line(struct device *device)
{
    if (modbus_set_slave(device->ctx, device->unit) < 0 || modbus_connect(device->ctx) < 0)
        die("line");
    printf("ready\n");
    fflush(stdout);
    for (;;)
        if (!answer(device) && errno == EIO)
            exit(0); /* the other end of the line is gone */
}

static void serve_tcp(struct device *device)
{
    struct pollfd peers[1 + MOST_PEERS] = {{.fd = modbus_tcp_listen(device->ctx, MOST_PEERS), .events = POLLIN}};
    int open_peers = 0, answered[1 + MOST_PEERS] = {0};
    struct sockaddr_in own;
    socklen_t length = sizeof own;
    if (peers[0].fd < 0)
        die("listen");
    getsockname(peers[0].fd, (struct sockaddr *)&own, &length);
    printf("%d\n", ntohs(own.sin_port));
    fflush(stdout);
    for (;;) {
        poll(peers, (nfds_t)(1 + open_peers), -1);
        for (int i = open_peers; i >= 1; i--) {
            if (!peers[i].revents)
                continue;
            modbus_set_socket(device->ctx, peers[i].fd);
            int goes_on = answer(device);
            if (goes_on && (!device->drop_after || ++answered[i] < device->drop_after))
                continue;
            close(peers[i].fd);
            peers[i] = peers[open_peers];
            answered[i] = answered[open_peers--];
        }
        if (peers[0].revents && open_peers < MOST_PEERS) {
            int fd = accept4(peers[0].fd, NULL, NULL, SOCK_CLOEXEC);
            if (fd >= 0) {
                peers[++open_peers] = (struct pollfd){.fd = fd, .events = POLLIN};
                answered[open_peers] = 0;
            }
        }
    }
}

static void set(struct device *device, const char *option)
{
    const char *value = strchr(option, '=');
    if (value++ == NULL)
        die(option);
    struct {
        const char *key;
        int *number;
    } known[] = {
        {"first=", &device->first},       {"count=", &device->count},
        {"hole=", &device->hole},         {"most=", &device->most},
        {"refuse=", &device->refuse},     {"delay_ms=", &device->delay_ms},
        {"drop_after=", &device->drop_after},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strncmp(option, known[i].key, strlen(known[i].key)) == 0)
            *known[i].number = atoi(value);
    if (strncmp(option, "log=", 4) == 0 && (device->log = fopen(value, "a")) == NULL)
        die(value);
}

int main(int argc, char **argv)
{
    struct device device = {.count = 200, .hole = -1, .most = MODBUS_MAX_READ_BITS, .refuse = -1};
    int on_line = argc > 1 && strcmp(argv[1], "rtu") == 0, options = on_line ? 5 : 3;
    if (argc < options) {
        fprintf(stderr, "usage: interop_server tcp UNIT [KEY=VALUE ...] | rtu UNIT DEVICE BAUDRATE [KEY=VALUE ...]\n");
        return 2;
    }
    device.unit = atoi(argv[2]);
    for (int i = options; i < argc; i++)
        set(&device, argv[i]);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    device.ctx = on_line ? modbus_new_rtu(argv[3], atoi(argv[4]), 'N', 8, 1) : modbus_new_tcp("127.0.0.1", 0);
    if (device.ctx == NULL)
        die("setup");
    fill(&device);
    if (on_line)
        serve_line(&device);
    else
        serve_tcp(&device);
}
