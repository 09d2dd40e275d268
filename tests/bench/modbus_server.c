/*
 * A Modbus TCP server for tests and benchmarks: libmodbus answers, epoll waits, one thread, hundreds of connections.
 *
 *     modbus_server PORT REGISTERS [STEP [DELAY_US [ADDRESSES]]]
 *
 * It listens at 127.0.0.1 and, with ADDRESSES, at as many addresses from there on (127.0.0.2 ... 127.0.0.250), so that
 * one server looks like many devices. Port 0 takes a free one; the port is printed once it listens. Address i of every table holds (i + n * STEP), where n
 * counts the requests answered so far: its low 16 bits in a register, its lowest bit in a coil or discrete input. All
 * registers of one answer have the same n. It answers for every unit, and ends with the process that started it.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <modbus.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* libmodbus waits by select, so that no descriptor may be 1024 or more. */
enum { HEADER = 7, WAITING = 512, EVENTS = 256, ADDRESSES = 250 };

static void die(const char *what)
{
    fprintf(stderr, "modbus_server: %s: %s\n", what, modbus_strerror(errno));
    exit(1);
}

static int be16(const uint8_t *at)
{
    return at[0] << 8 | at[1];
}

/* Give the addresses that are asked for their values of this moment. */
static void refresh(modbus_mapping_t *map, const uint8_t *query, int size, unsigned base)
{
    if (size < HEADER + 5)
        return;
    int function = query[HEADER], first = be16(query + HEADER + 1), count = be16(query + HEADER + 3);
    for (int i = first; i < first + count && i < map->nb_registers; i++) {
        uint16_t value = (uint16_t)(base + (unsigned)i);
        if (function == MODBUS_FC_READ_COILS)
            map->tab_bits[i] = value & 1;
        else if (function == MODBUS_FC_READ_DISCRETE_INPUTS)
            map->tab_input_bits[i] = value & 1;
        else if (function == MODBUS_FC_READ_HOLDING_REGISTERS)
            map->tab_registers[i] = value;
        else if (function == MODBUS_FC_READ_INPUT_REGISTERS)
            map->tab_input_registers[i] = value;
    }
}

static void watch(int poll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl");
}

static void accept_all(int poll, int listening)
{
    for (;;) {
        int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            return;
        watch(poll, fd);
    }
}

/* Listen at 127.0.0.(1 + index); returns the socket. */
static int listen_at(int index, int port)
{
    char address[INET_ADDRSTRLEN];
    snprintf(address, sizeof address, "127.0.0.%d", 1 + index);
    modbus_t *ctx = modbus_new_tcp(address, port);
    if (ctx == NULL)
        die("setup");
    int fd = modbus_tcp_listen(ctx, WAITING);
    if (fd < 0)
        die("listen");
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        die("fcntl");
    modbus_free(ctx);
    return fd;
}

static int port_of(int fd)
{
    struct sockaddr_in own;
    socklen_t length = sizeof own;
    getsockname(fd, (struct sockaddr *)&own, &length);
    return ntohs(own.sin_port);
}

/* Returns 0 when the peer has gone. */
static int answer(modbus_t *ctx, modbus_mapping_t *map, int fd, unsigned base)
{
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    modbus_set_socket(ctx, fd);
    int size = modbus_receive(ctx, query);
    if (size < 0)
        return 0;
    refresh(map, query, size, base);
    return modbus_reply(ctx, query, size, map) >= 0;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: modbus_server PORT REGISTERS [STEP [DELAY_US [ADDRESSES]]]\n");
        return 2;
    }
    int registers = atoi(argv[2]);
    unsigned step = argc > 3 ? (unsigned)atoi(argv[3]) : 1, counted = 0;
    useconds_t delay = argc > 4 ? (useconds_t)atoi(argv[4]) : 0;
    int addresses = argc > 5 ? atoi(argv[5]) : 1;
    if (addresses < 1 || addresses > ADDRESSES)
        addresses = 1;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_IGN);

    modbus_t *ctx = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
    modbus_mapping_t *map = modbus_mapping_new(registers, registers, registers, registers);
    if (ctx == NULL || map == NULL)
        die("setup");
    int poll = epoll_create1(EPOLL_CLOEXEC), listening[ADDRESSES];
    int port = atoi(argv[1]);
    for (int i = 0; i < addresses; i++) {
        listening[i] = listen_at(i, port);
        port = port_of(listening[i]);
        watch(poll, listening[i]);
    }
    printf("%d\n", port);
    fflush(stdout);

    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(poll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            /* They were opened one after the other, before any connection. */
            if (fd >= listening[0] && fd <= listening[addresses - 1]) {
                accept_all(poll, fd);
                continue;
            }
            if (delay)
                usleep(delay); /* everybody waits: it is one slow device */
            if (answer(ctx, map, fd, step * counted))
                counted++;
            else
                close(fd);
        }
    }
}
