/*
 * ws2echo: a TCP echo server and client for Windows, inside the calling process.
 *
 * Conventions of every function here
 *
 *   Result      int: 0, or a Winsock error code (WSAECONNREFUSED, WSAETIMEDOUT, …). What was being done, to which address, and what
 *               to try is told by ws2echo_last_failure(). Results come through the last parameter; after a failure a number or handle
 *               is 0, unless a partial count is promised, and a struct is as it was.
 *   Handles     64-bit numbers, never reused within a process. Using one that was closed, was never given out or belongs to the
 *               other kind of object is WSAENOTSOCK, never a crash. 0 is never a handle.
 *   Structs     the caller sets `size` to sizeof the struct (the *_options_init functions do it), so that a later version may add
 *               fields. A size that this version does not know is WSAEINVAL.
 *   Strings     UTF-8, copied on the way in.
 *   Threads     any function may be called from any thread at any time, also on one handle. Closing a handle ends what other
 *               threads wait for on it with WSA_OPERATION_ABORTED, and waits until they have left.
 *   Timeouts    milliseconds. 0 does not wait, WS2ECHO_INFINITE waits without limit; a wait that ran out is WSAETIMEDOUT.
 *   Which error when several apply: WSAENOTSOCK (handle), WSAEFAULT (NULL), WSAEINVAL (value), WSAEOPNOTSUPP (not offered by this
 *               model or protocol), WSAEMFILE (too many handles), WSAENOBUFS (memory, threads), WSA_OPERATION_ABORTED (closed
 *               meanwhile), WSAETIMEDOUT (wait ran out), then what the system said. WSAEWOULDBLOCK, WSA_IO_PENDING and WSAEINTR
 *               never come out.
 *   Loading     nothing happens when the DLL is loaded or unloaded. Close every handle before unloading it.
 */
#ifndef WS2ECHO_H
#define WS2ECHO_H

#include <stdint.h>

#if defined(SWIG) || !defined(_WIN32)
#define WS2ECHO_API
#elif defined(WS2ECHO_BUILDING_DLL)
#define WS2ECHO_API __declspec(dllexport)
#else
#define WS2ECHO_API __declspec(dllimport)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header. */
#define WS2ECHO_VERSION "0.1.0"

/* A timeout or limit without end. */
#define WS2ECHO_INFINITE 0xFFFFFFFFu

/* As a timeout of a client's call: the one that its options name for that kind of call. */
#define WS2ECHO_TIMEOUT_OF_OPTIONS 0xFFFFFFFEu

/* ws2echo_echo_progress.mismatch_offset while every byte that came back was right. */
#define WS2ECHO_NO_MISMATCH 0xFFFFFFFFFFFFFFFFu

/* Room for any numeric address, zone and final NUL included. */
#define WS2ECHO_ADDRESS_TEXT_SIZE 64

/* A server. From ws2echo_server_open until ws2echo_server_close. */
typedef uint64_t ws2echo_server;

/* A client: one connection. From ws2echo_client_open or ws2echo_client_begin until ws2echo_client_close. */
typedef uint64_t ws2echo_client;

/* How a server does its input and output: the Winsock I/O model. ws2echo_model_describe() lists those of this DLL. */
enum ws2echo_model {
    WS2ECHO_MODEL_THREADS = 0 /* A thread per connection that blocks in accept, recv and send. The default. */
};

/* What a server and a client speak. */
enum ws2echo_protocol {
    WS2ECHO_PROTOCOL_TCP = 0 /* The echo service of RFC 862 over TCP. The default. */
};

/* Which versions of IP to use. */
enum ws2echo_family {
    WS2ECHO_FAMILY_ANY = 0, /* Both, on one port number. The default. */
    WS2ECHO_FAMILY_IPV4 = 4,
    WS2ECHO_FAMILY_IPV6 = 6
};

/* What an event of a server tells. */
enum ws2echo_event_kind {
    WS2ECHO_EVENT_LISTENING = 1, /* The server listens on `local`. One for each address. */
    WS2ECHO_EVENT_ACCEPTED = 2,  /* A connection from `peer` was accepted. */
    WS2ECHO_EVENT_CLOSED = 3     /* That connection is gone: `reason`, bytes and duration are final. */
};

/* Why a connection ended. */
enum ws2echo_reason {
    WS2ECHO_REASON_NONE = 0,    /* It has not ended. */
    WS2ECHO_REASON_FIN = 1,     /* The peer sent FIN, everything was echoed, and FIN was sent back. */
    WS2ECHO_REASON_RESET = 2,   /* The connection was reset: by the peer (RST), or by this machine, which `error` tells apart. */
    WS2ECHO_REASON_TIMEOUT = 3, /* The idle or send timeout ran out, or TCP itself gave the peer up; the server reset it. */
    WS2ECHO_REASON_CAP = 4, /* More than connections_max: the server sent FIN at once, echoed nothing and discarded what came. */
    WS2ECHO_REASON_STOPPED = 5, /* The server was stopped or closed, and reset what was left. */
    WS2ECHO_REASON_ERROR = 6    /* Anything else: `error` of the event is the Winsock code. */
};

/* How many reasons there are: the size of a table by reason. */
#define WS2ECHO_REASON_COUNT 7

/* One end of a connection. */
typedef struct ws2echo_address {
    uint32_t family;                      /* enum ws2echo_family: IPV4 or IPV6 */
    uint32_t port;                        /* 1 to 65535 */
    char host[WS2ECHO_ADDRESS_TEXT_SIZE]; /* numeric: "127.0.0.1", "::1", "fe80::1%7" */
} ws2echo_address;

/* ---- server ---------------------------------------------------------------------------------------------------------------- */

/* How to serve. ws2echo_server_options_init fills it with the defaults. */
typedef struct ws2echo_server_options {
    uint32_t size;     /* sizeof(ws2echo_server_options) */
    uint32_t model;    /* enum ws2echo_model */
    uint32_t protocol; /* enum ws2echo_protocol */
    uint32_t family;   /* enum ws2echo_family */
    /* NULL: loopback, 127.0.0.1 and ::1. "*": every address of the machine. Else a name or a numeric address, at most 1,023 bytes; each
       address that a name has is listened on. */
    const char *host;
    uint32_t port; /* 0 to 65535; 0, the default, lets the system choose a free one */
    /* Connections that may wait to be accepted (listen): 1 to 65535, above 200 a hint (SOMAXCONN_HINT); default 0: the most. */
    uint32_t backlog;
    uint32_t connections_max; /* served at once: 1 or more; default WS2ECHO_INFINITE */
    uint32_t idle_timeout_ms; /* no byte either way for so long: the connection is reset. 1 or more; default WS2ECHO_INFINITE */
    uint32_t send_timeout_ms; /* the peer takes no byte for so long: reset. 1 or more; default WS2ECHO_INFINITE */
    uint32_t no_delay;        /* TCP_NODELAY of each connection, 0 or 1; default 1 */
    uint32_t receive_buffer_bytes; /* SO_RCVBUF of each connection, up to 2^30; default 0 = the system's choice */
    uint32_t send_buffer_bytes;    /* SO_SNDBUF of each connection, up to 2^30; default 0 = the system's choice */
    /* SO_LINGER of each connection, in seconds, up to 65535; 0 answers even FIN with a reset; default -1: a close is graceful and takes
       no time */
    int32_t linger_s;
    uint32_t echo_buffer_bytes; /* most bytes of one connection held between reception and echo: 1 to 2^26; default 262144 */
    uint32_t journal_events;    /* events kept for ws2echo_server_next_event: 1 to 2^20; default 4096. Older ones are dropped */
    uint32_t reserved;          /* 0 */
} ws2echo_server_options;

/* What a server counts. */
typedef struct ws2echo_server_stats {
    uint32_t size;                                     /* sizeof(ws2echo_server_stats) */
    uint32_t reserved;                                 /* 0 */
    uint64_t connections_accepted;                     /* since open, those over the cap included */
    uint64_t connections_current;                      /* served now: without those refused for the cap */
    uint64_t connections_peak;                         /* most served at once */
    uint64_t connections_closed[WS2ECHO_REASON_COUNT]; /* ended, by enum ws2echo_reason */
    uint64_t bytes_received;                           /* from all peers */
    uint64_t bytes_sent;                               /* to all peers */
    uint64_t events_dropped;                           /* events that the journal had no room to keep */
    uint64_t accept_failures;                          /* accept calls that failed for want of resources, and were repeated */
    uint64_t uptime_us;                                /* microseconds since open */
} ws2echo_server_stats;

/* One thing that happened to a server. */
typedef struct ws2echo_event {
    uint32_t size;           /* sizeof(ws2echo_event) */
    uint32_t kind;           /* enum ws2echo_event_kind */
    uint32_t reason;         /* enum ws2echo_reason; NONE unless kind is CLOSED */
    int32_t error;           /* the Winsock code behind reason RESET, TIMEOUT or ERROR, else 0 */
    uint64_t sequence;       /* 1, 2, 3, … in the order of happening; a gap tells how many events were dropped */
    uint64_t time_us;        /* microseconds since the server was opened */
    uint64_t connection_id;  /* 1, 2, 3, … in the order of acceptance; 0 when kind is LISTENING */
    uint64_t duration_us;    /* from accepted to closed; 0 unless kind is CLOSED */
    uint64_t bytes_received; /* from the peer, so far */
    uint64_t bytes_sent;     /* to the peer, so far */
    ws2echo_address local;   /* the server's end; of LISTENING, where it listens */
    ws2echo_address peer;    /* all zero when kind is LISTENING */
} ws2echo_event;

/*
 * Fills *options with the defaults named above.
 * Errors: WSAEFAULT. Does not block.
 */
WS2ECHO_API int ws2echo_server_options_init(ws2echo_server_options *options);

/*
 * Opens a server: afterwards it listens, on every address that the options ask for and all on one port, bound exclusively
 * (SO_EXCLUSIVEADDRUSE), and serves without further calls. The handle is the caller's, to be closed with ws2echo_server_close.
 * Without a host, an IP version that the machine does not have is left out.
 * Errors: WSAEFAULT; WSAEINVAL, the failure text names the option; WSAEMFILE; WSAENOBUFS; WSAHOST_NOT_FOUND or another code of name
 * resolution; WSAEADDRINUSE or WSAEACCES when the port is taken; WSAEADDRNOTAVAIL when an address is not of this machine.
 * Blocks only as long as the name of the host takes to resolve.
 */
WS2ECHO_API int ws2echo_server_open(const ws2echo_server_options *options, ws2echo_server *server);

/*
 * Gives the options in force: the port that was chosen, and what the system made of no_delay, the buffers and linger_s, read back
 * from the listening socket; the rest as it was given. host is NULL; ws2echo_server_address tells the addresses. Set options->size before the call.
 * Errors: WSAENOTSOCK, WSAEFAULT, WSAEINVAL. Does not block.
 */
WS2ECHO_API int ws2echo_server_options_get(ws2echo_server server, ws2echo_server_options *options);

/* Gives the port that the server listens, or listened, on. Errors: WSAENOTSOCK, WSAEFAULT. Does not block. */
WS2ECHO_API int ws2echo_server_port(ws2echo_server server, uint16_t *port);

/*
 * Gives the index-th address that the server listens on, counted from 0; IPv4 before IPv6 for the loopback.
 * Errors: WSAENOTSOCK; WSAEFAULT; WSAEINVAL when there are not so many. Does not block.
 */
WS2ECHO_API int ws2echo_server_address(ws2echo_server server, uint32_t index, ws2echo_address *address);

/*
 * Gives the counters, all of one moment. Set stats->size before the call.
 * Errors: WSAENOTSOCK, WSAEFAULT, WSAEINVAL. Does not block.
 */
WS2ECHO_API int ws2echo_server_stats_get(ws2echo_server server, ws2echo_server_stats *stats);

/*
 * Takes the oldest event out of the journal, waiting up to timeout_ms for one. Each event is given to one caller.
 * Set event->size before the call.
 * Errors: WSAENOTSOCK; WSAEFAULT; WSAEINVAL; WSAETIMEDOUT; WSA_OPERATION_ABORTED when the server is closed meanwhile; WSAEDISCON when
 * the server was stopped and the journal is empty: no event will come any more.
 * Blocks for at most timeout_ms.
 */
WS2ECHO_API int ws2echo_server_next_event(ws2echo_server server, uint32_t timeout_ms, ws2echo_event *event);

/*
 * Gives a manual-reset event object of Windows (a HANDLE) that is signalled while ws2echo_server_next_event would not have to wait,
 * and after the server was closed. It is the caller's: CloseHandle it, before or after the server.
 * Errors: WSAENOTSOCK, WSAEFAULT, WSAENOBUFS. Does not block.
 */
WS2ECHO_API int ws2echo_server_wait_handle(ws2echo_server server, uintptr_t *handle);

/*
 * Stops accepting, for good, then waits up to timeout_ms for the connections to end by themselves, served to their last byte.
 * Afterwards the port is free, and no connection or thread of the server is left. After WSAETIMEDOUT it may be called again, to wait on.
 * Errors: WSAENOTSOCK; WSAETIMEDOUT; WSA_OPERATION_ABORTED when the server is closed meanwhile. Blocks for at most timeout_ms.
 */
WS2ECHO_API int ws2echo_server_drain(ws2echo_server server, uint32_t timeout_ms);

/*
 * Drains for at most drain_timeout_ms, then resets what is left, and says how many connections that were. Afterwards the port is
 * free and no connection or thread of the server is left; port, stats and the events that happened can still be read.
 * Stopping a stopped server does nothing and gives 0. reset_connections may be NULL.
 * Errors: WSAENOTSOCK; WSA_OPERATION_ABORTED when the server is closed meanwhile.
 * Blocks for at most drain_timeout_ms and the moment that the resets take: half a second at worst, or linger_s if that is above 0.
 */
WS2ECHO_API int ws2echo_server_stop(ws2echo_server server, uint32_t drain_timeout_ms, uint32_t *reset_connections);

/*
 * Stops the server without draining and gives up the handle. Afterwards the port is free, and no thread, socket, handle or memory
 * of it is left; every other call on it has returned.
 * Errors: WSAENOTSOCK. Blocks for the moment that this takes.
 */
WS2ECHO_API int ws2echo_server_close(ws2echo_server server);

/* ---- client ---------------------------------------------------------------------------------------------------------------- */

/* Whom to connect to, and how. ws2echo_client_options_init fills it with the defaults. */
typedef struct ws2echo_client_options {
    uint32_t size;     /* sizeof(ws2echo_client_options) */
    uint32_t protocol; /* enum ws2echo_protocol */
    /* A name or numeric address, at most 1,023 bytes; NULL, the default: "localhost". */
    const char *host;
    uint32_t family;               /* enum ws2echo_family: which of the name's addresses to try */
    uint32_t port;                 /* 1 to 65535; default 0 is not a port and must be set */
    uint32_t connect_timeout_ms;   /* for all addresses together, after the name is resolved; default 10000 */
    uint32_t send_timeout_ms;      /* of ws2echo_client_send and _echo: no progress for so long; default 30000 */
    uint32_t receive_timeout_ms;   /* of ws2echo_client_recv and _echo: no progress for so long; default 30000 */
    uint32_t no_delay;             /* TCP_NODELAY, 0 or 1; default 1 */
    uint32_t receive_buffer_bytes; /* SO_RCVBUF, up to 2^30; default 0 = the system's choice */
    uint32_t send_buffer_bytes;    /* SO_SNDBUF, up to 2^30; default 0 = the system's choice */
    int32_t linger_s;              /* SO_LINGER in seconds, up to 65535; 0: close resets. Default -1: close is graceful */
    uint32_t reserved;             /* 0 */
} ws2echo_client_options;

/* What a client counts. */
typedef struct ws2echo_client_stats {
    uint32_t size;           /* sizeof(ws2echo_client_stats) */
    uint32_t reserved;       /* 0 */
    uint64_t bytes_sent;     /* taken by the system */
    uint64_t bytes_received; /* given to the caller */
    uint64_t connect_us;     /* microseconds from begin (the name resolved) to connected */
    uint64_t uptime_us;      /* microseconds since connected */
} ws2echo_client_stats;

/* How far one echo has come. All zero before its first call; afterwards only ws2echo_client_echo changes it. */
typedef struct ws2echo_echo_progress {
    uint64_t bytes_sent;      /* of the data, taken by the system */
    uint64_t bytes_received;  /* of the echo */
    uint64_t mismatch_offset; /* where the first wrong byte came back; WS2ECHO_NO_MISMATCH if none did. Meaningful once started */
    uint64_t elapsed_us;      /* microseconds spent inside ws2echo_client_echo */
} ws2echo_echo_progress;

/* Which half of a connection. */
enum ws2echo_half { WS2ECHO_HALF_RECEIVE = 0, WS2ECHO_HALF_SEND = 1, WS2ECHO_HALF_BOTH = 2 };

/* Which end of a connection. */
enum ws2echo_end { WS2ECHO_END_LOCAL = 0, WS2ECHO_END_PEER = 1 };

/*
 * Fills *options with the defaults named above.
 * Errors: WSAEFAULT. Does not block.
 */
WS2ECHO_API int ws2echo_client_options_init(ws2echo_client_options *options);

/*
 * Opens a client: afterwards it is connected. Every address that the name has is tried, in the order that the system gives them; what is left of
 * connect_timeout_ms is shared out among those that are left, so that a silent one does not take it all.
 * The handle is the caller's, to be closed with ws2echo_client_close.
 * Errors: WSAEFAULT; WSAEINVAL, the failure text names the option; WSAEMFILE; WSAENOBUFS; WSAHOST_NOT_FOUND or another code of name
 * resolution; WSAETIMEDOUT; when every address failed, what the system said of the last one (WSAECONNREFUSED, …).
 * Blocks while the name is resolved, then for up to connect_timeout_ms.
 */
WS2ECHO_API int ws2echo_client_open(const ws2echo_client_options *options, ws2echo_client *client);

/*
 * Begins to open a client, for callers that must not block while connecting: ws2echo_client_connect finishes it. The handle is
 * the caller's even when connecting fails later. Errors are those of ws2echo_client_open that come before connecting.
 * Blocks while the name is resolved; not at all for a numeric address.
 */
WS2ECHO_API int ws2echo_client_begin(const ws2echo_client_options *options, ws2echo_client *client);

/*
 * Waits up to timeout_ms for a begun client to be connected. After WSAETIMEDOUT it may be called again, unless connect_timeout_ms
 * has passed since the begin. On a connected client it does nothing.
 * Errors: WSAENOTSOCK; WSAETIMEDOUT; WSA_OPERATION_ABORTED when the client is closed meanwhile; what the system said of the last
 * address, the same at every further call. Blocks for at most timeout_ms.
 */
WS2ECHO_API int ws2echo_client_connect(ws2echo_client client, uint32_t timeout_ms);

/*
 * Gives the options in force, those of the socket (no_delay, buffers, linger) read back from the system. host is NULL.
 * Set options->size before the call.
 * Errors: WSAENOTSOCK; WSAEFAULT; WSAEINVAL; WSAENOTCONN before the client is connected. Does not block.
 */
WS2ECHO_API int ws2echo_client_options_get(ws2echo_client client, ws2echo_client_options *options);

/*
 * Gives the address of one end (enum ws2echo_end).
 * Errors: WSAENOTSOCK; WSAEFAULT; WSAEINVAL; WSAENOTCONN before the client is connected. Does not block.
 */
WS2ECHO_API int ws2echo_client_address(ws2echo_client client, uint32_t end, ws2echo_address *address);

/* Gives the counters. Set stats->size before the call. Errors: WSAENOTSOCK, WSAEFAULT, WSAEINVAL. Does not block. */
WS2ECHO_API int ws2echo_client_stats_get(ws2echo_client client, ws2echo_client_stats *stats);

/*
 * Sends data, all of it, and says in *sent (which may be NULL) how many bytes the system took: size, or fewer after a failure.
 * After WSAETIMEDOUT the rest may be sent by another call. data may be NULL if size is 0.
 * Errors: WSAENOTSOCK; WSAEFAULT; WSAETIMEDOUT when no byte was taken for timeout_ms; WSA_OPERATION_ABORTED when the client is
 * closed meanwhile; WSAENOTCONN before it is connected; WSAESHUTDOWN after a shutdown; WSAECONNRESET, WSAECONNABORTED.
 * One thread at a time sends; further ones wait their turn within their timeout. Blocks until all is taken, or for timeout_ms without progress.
 */
WS2ECHO_API int ws2echo_client_send(ws2echo_client client, const void *data, uint64_t size, uint32_t timeout_ms, uint64_t *sent);

/*
 * Receives what has come, at least one byte and at most size, waiting up to timeout_ms for it. *received 0 with result 0: the peer
 * sent FIN (or size is 0), and so at every further call.
 * Errors: as ws2echo_client_send; nothing that came is lost by a timeout. One thread at a time receives. Blocks for at most timeout_ms.
 */
WS2ECHO_API int ws2echo_client_recv(ws2echo_client client, void *buffer, uint64_t size, uint32_t timeout_ms, uint64_t *received);

/*
 * Shuts one half (enum ws2echo_half) of the connection down, and ends what waits on it with WSAESHUTDOWN. SEND and BOTH send FIN, after every
 * byte that was taken; after SEND the peer's bytes can still be received, after RECEIVE and BOTH no more is. Bytes that come after RECEIVE
 * make Windows reset the connection.
 * Errors: WSAENOTSOCK; WSAEINVAL; WSAENOTCONN; WSAECONNRESET and the like. Does not block.
 */
WS2ECHO_API int ws2echo_client_shutdown(ws2echo_client client, uint32_t half);

/*
 * Sends data and reads as many bytes back, both at once so that no size can block the other side, and compares every byte. A
 * mismatch is no failure: the result is 0 and progress->mismatch_offset tells the place. What came back is stored in reply
 * (size bytes; may be NULL; must not overlap data). After WSAETIMEDOUT another call with the same arguments goes on.
 * Errors: as ws2echo_client_send; WSAETIMEDOUT when no byte went either way for timeout_ms; WSAEDISCON when the peer sent FIN before
 * the whole echo, which progress->bytes_received measures. WSAEINVAL: progress is none that
 * a call on this data can have left. One echo, send or recv at a time uses each half.
 * Blocks until the whole echo came, or for timeout_ms without progress.
 */
WS2ECHO_API int ws2echo_client_echo(ws2echo_client client, const void *data, uint64_t size, void *reply, uint32_t timeout_ms,
                                    ws2echo_echo_progress *progress);

/*
 * Gives a manual-reset event object of Windows (a HANDLE) for one half: RECEIVE is signalled when ws2echo_client_recv would make
 * progress, SEND when ws2echo_client_connect or ws2echo_client_send would; both after the client was closed. Waiting is right
 * after such a call with timeout 0 gave WSAETIMEDOUT: that call arms the event. It is the caller's: CloseHandle it, before or after
 * the client.
 * Errors: WSAENOTSOCK; WSAEFAULT; WSAEINVAL (BOTH included); WSAENOBUFS. Does not block.
 */
WS2ECHO_API int ws2echo_client_wait_handle(ws2echo_client client, uint32_t half, uintptr_t *handle);

/*
 * Closes the connection and gives up the handle. Everything that was sent, and FIN, is still delivered, unless linger_s is 0;
 * bytes that came and were not received make the system reset the connection. Afterwards no socket, handle or memory is left.
 * Errors: WSAENOTSOCK. Blocks only with a linger_s above 0, for at most that long.
 */
WS2ECHO_API int ws2echo_client_close(ws2echo_client client);

/* ---- library --------------------------------------------------------------------------------------------------------------- */

/* An I/O model of the DLL. */
typedef struct ws2echo_model_info {
    uint32_t size;     /* sizeof(ws2echo_model_info) */
    uint32_t model;    /* enum ws2echo_model */
    char name[16];     /* "threads" */
    char summary[112]; /* one sentence */
} ws2echo_model_info;

/*
 * Describes the index-th I/O model of this DLL, counted from 0. Set info->size before the call.
 * Errors: WSAEFAULT; WSAEINVAL, also when there are not so many. Does not block.
 */
WS2ECHO_API int ws2echo_model_describe(uint32_t index, ws2echo_model_info *info);

/* The version of the DLL, as WS2ECHO_VERSION of the header that it was built with. Never NULL; lives as long as the DLL. */
WS2ECHO_API const char *ws2echo_version(void);

/* The name of a Winsock error code ("WSAECONNREFUSED"); "unknown error" for any other number. Lives as long as the DLL. */
WS2ECHO_API const char *ws2echo_error_name(int error);

/* What a Winsock error code means, and what to try, in one English sentence. Never NULL; lives as long as the DLL. */
WS2ECHO_API const char *ws2echo_error_text(int error);

/*
 * What failed in the call of this thread that just failed, as "bind [::1]:27015: WSAEADDRINUSE (10048): the port is in use; …". Ask at
 * once: this thread's next call may change it, even one that succeeds (it may have failed at first, inside).
 */
WS2ECHO_API const char *ws2echo_last_failure(void);

#ifdef __cplusplus
}
#endif

#endif
