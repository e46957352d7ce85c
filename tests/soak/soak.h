/* Servers and loads of every model, for long: what both parts of the program share. */
#ifndef SOAK_H
#define SOAK_H

#include "ws2echo.h"

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>
#include <winsock2.h>

enum { SOAK_MODELS = WS2ECHO_MODEL_IOCP + 1 };

/* Says what is wrong; the program will have failed. */
void soak_complain(const char *format, ...);

/* Ends the program if a call failed, telling what ws2echo says of it. */
void soak_require(int error, const char *what);

const char *soak_model_name(uint32_t model);

ws2echo_server soak_open_server(uint32_t model, uint16_t *port);

/* Options of a load on such a server: messages of 1 to 65,536 bytes over TCP, datagrams of 1,400 over UDP. */
void soak_load_options(ws2echo_load_options *options, uint32_t model, uint32_t protocol, uint16_t port, uint64_t seed);

ws2echo_load_stats soak_stats(ws2echo_load load);

/* Connections that received what was not sent to them, or not all of it. The others may have been reset. */
uint64_t soak_wrong(const ws2echo_load_stats *stats);

/* From now on the program has so long for one step; it is told as a hang if it takes longer. */
void soak_begin_step(const char *what, uint32_t seconds);

/* A number below `limit`, by a seed that moves on. */
uint32_t soak_chance(uint64_t *seed, uint32_t limit);

/* Has all models echo at once, until so many seconds have passed or so many bytes were checked. */
void soak_flow(uint64_t seed, uint32_t seconds, uint64_t bytes);

/* Stops servers, so many times, at random moments while up to 200 connections are busy. */
void soak_stops(uint64_t seed, uint32_t count);

#endif
