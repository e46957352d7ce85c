#include "play.h"

const struct scenario scenarios[] = {
    {"open", WS2ECHO_PROTOCOL_TCP, false, play_tcp_open},
    {"echo", WS2ECHO_PROTOCOL_TCP, false, play_tcp_echo},
    {"client", WS2ECHO_PROTOCOL_TCP, false, play_tcp_client},
    {"half-close", WS2ECHO_PROTOCOL_TCP, false, play_tcp_half_close},
    {"faults", WS2ECHO_PROTOCOL_TCP, false, play_tcp_faults},
    {"listening", WS2ECHO_PROTOCOL_TCP, false, play_tcp_listening},
    {"rules", WS2ECHO_PROTOCOL_TCP, false, play_tcp_rules},
    {"load", WS2ECHO_PROTOCOL_TCP, false, play_tcp_load},
    {"events", WS2ECHO_PROTOCOL_TCP, true, play_tcp_events},
    {"stop", WS2ECHO_PROTOCOL_TCP, false, play_tcp_stop},
    {"refused", WS2ECHO_PROTOCOL_TCP, false, play_tcp_refused},
    {"linger", WS2ECHO_PROTOCOL_TCP, false, play_tcp_linger},
    {"accept", WS2ECHO_PROTOCOL_TCP, false, play_tcp_accept},
    {"crowd", WS2ECHO_PROTOCOL_TCP, true, play_tcp_crowd},
    {"open", WS2ECHO_PROTOCOL_UDP, false, play_udp_open},
    {"echo", WS2ECHO_PROTOCOL_UDP, false, play_udp_echo},
    {"client", WS2ECHO_PROTOCOL_UDP, false, play_udp_client},
    {"ping", WS2ECHO_PROTOCOL_UDP, false, play_udp_ping},
    {"wildcard", WS2ECHO_PROTOCOL_UDP, false, play_udp_wildcard},
    {"faults", WS2ECHO_PROTOCOL_UDP, false, play_udp_faults},
    {"load", WS2ECHO_PROTOCOL_UDP, false, play_udp_load},
    {"stop", WS2ECHO_PROTOCOL_UDP, false, play_udp_stop},
    {"refused", WS2ECHO_PROTOCOL_UDP, false, play_udp_refused},
};

const size_t scenario_count = sizeof scenarios / sizeof scenarios[0];
