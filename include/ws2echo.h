/*
 * ws2echo: an echo server and client (TCP and UDP) for Windows, inside the calling process.
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

/* Room for the text of any rule, final NUL included. */
#define WS2ECHO_FAULT_TEXT_SIZE 512

/* A server. From ws2echo_server_open until ws2echo_server_close. */
typedef uint64_t ws2echo_server;

/* A client: one connection, or over UDP one socket that talks to one peer. From ws2echo_client_open or ws2echo_client_begin until ws2echo_client_close. */
typedef uint64_t ws2echo_client;

/* A load: many connections that send, and check and time what comes back. From ws2echo_load_open until ws2echo_load_close. */
typedef uint64_t ws2echo_load;

/* How a server does its input and output: the Winsock I/O model. ws2echo_model_describe() lists those of this DLL. */
enum ws2echo_model {
    WS2ECHO_MODEL_THREADS = 0,    /* A thread per connection that blocks in accept, recv and send. The default. */
    WS2ECHO_MODEL_SELECT = 1,     /* Non-blocking sockets and select. */
    WS2ECHO_MODEL_POLL = 2,       /* Non-blocking sockets and WSAPoll. */
    WS2ECHO_MODEL_EVENT = 3,      /* Non-blocking sockets and WSAEventSelect. */
    WS2ECHO_MODEL_ASYNC = 4,      /* Non-blocking sockets and WSAAsyncSelect, on a message-only window. */
    WS2ECHO_MODEL_OVERLAPPED = 5, /* Overlapped I/O that signals event objects. */
    WS2ECHO_MODEL_APC = 6,        /* Overlapped I/O that calls completion routines. */
    WS2ECHO_MODEL_IOCP = 7        /* Overlapped I/O that ends in a completion port. */
};

/* What a server and a client speak. */
enum ws2echo_protocol {
    WS2ECHO_PROTOCOL_TCP = 0, /* The echo service of RFC 862 over TCP. The default. */
    WS2ECHO_PROTOCOL_UDP = 1, /* The echo service of RFC 862 over UDP: each datagram is answered by its equal. */
    WS2ECHO_PROTOCOL_BOTH = 2 /* TCP and UDP on the same addresses and port number. For a server only. */
};

/* How the listening socket of a completion model is asked for connections. */
enum ws2echo_accept {
    WS2ECHO_ACCEPT_DEFAULT = 0,  /* ACCEPTEX where the model has it, else WSAACCEPT. */
    WS2ECHO_ACCEPT_ACCEPTEX = 1, /* Several AcceptEx are out at any time, with sockets made ahead. Models overlapped and iocp. */
    WS2ECHO_ACCEPT_WSAACCEPT = 2 /* accept or WSAAccept, once for each connection. Every model. */
};

/* Which versions of IP to use. */
enum ws2echo_family {
    WS2ECHO_FAMILY_ANY = 0, /* Both, on one port number. The default. */
    WS2ECHO_FAMILY_IPV4 = 4,
    WS2ECHO_FAMILY_IPV6 = 6
};

/* What an event of a server tells. */
enum ws2echo_event_kind {
    WS2ECHO_EVENT_LISTENING = 1, /* The server listens on `local`. One for each address and protocol. */
    WS2ECHO_EVENT_ACCEPTED = 2,  /* A connection from `peer` was accepted. */
    /* That connection is gone: `reason`, bytes and duration are final. Over UDP, with connection_id 0: the socket on `local` serves nobody any
       more, as it could not be watched for want of resources; `error` says what failed. */
    WS2ECHO_EVENT_CLOSED = 3,
    /* A rule touched a connection, for the first time; over UDP, a datagram. Or, with connection_id 0, it has taken the listening sockets. */
    WS2ECHO_EVENT_FAULT = 4
};

/* Why a connection ended. */
enum ws2echo_reason {
    WS2ECHO_REASON_NONE = 0,    /* It has not ended. */
    WS2ECHO_REASON_FIN = 1,     /* The peer sent FIN, everything was echoed, and FIN was sent back. */
    WS2ECHO_REASON_RESET = 2,   /* The connection was reset: by the peer (RST), or by this machine, which `error` tells apart. */
    WS2ECHO_REASON_TIMEOUT = 3, /* The idle or send timeout ran out, or TCP itself gave the peer up; the server reset it. */
    WS2ECHO_REASON_CAP = 4, /* More than connections_max: the server sent FIN at once, echoed nothing and discarded what came. */
    WS2ECHO_REASON_STOPPED = 5, /* The server was stopped or closed, and reset what was left. */
    WS2ECHO_REASON_ERROR = 6,   /* Anything else: `error` of the event is the Winsock code. */
    WS2ECHO_REASON_FAULT = 7    /* A fault ended it, as its rule says: `rule` of the event. */
};

/* How many reasons there are: the size of a table by reason. */
#define WS2ECHO_REASON_COUNT 8

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
    uint32_t accept; /* enum ws2echo_accept */
    /* AcceptEx that are kept out on each listening socket: 1 to 1024; default 0: 16. Only with ACCEPTEX. */
    uint32_t accepts_pending;
    /* Threads that share the connections: 1 to 256; default 0: one for each processor that the process may run on, 8 at most. The models event, async and overlapped start
       more when the connections need them (the limits of their waits, see ws2echo_model_info); the model threads has one for each connection and takes only 0. */
    uint32_t workers;
    uint32_t connections_max; /* served at once: 1 or more; default WS2ECHO_INFINITE */
    /* No byte either way for so long: the connection is reset. 1 or more; default WS2ECHO_INFINITE. What is sent is seen to move in steps
       of 16 KiB, and what the system takes into its buffers has moved. */
    uint32_t idle_timeout_ms;
    /* The peer takes no byte for so long, seen in the same steps: reset. 1 or more; default WS2ECHO_INFINITE. */
    uint32_t send_timeout_ms;
    uint32_t no_delay;             /* TCP_NODELAY of each connection, 0 or 1; default 1 */
    uint32_t udp_connreset;        /* SIO_UDP_CONNRESET, 0 or 1: whether an answer that met a closed port is told; default 1 */
    uint32_t receive_buffer_bytes; /* SO_RCVBUF of each connection and UDP socket, up to 2^30; default 0 = the system's choice */
    uint32_t send_buffer_bytes;    /* SO_SNDBUF of each connection and UDP socket, up to 2^30; default 0 = the system's choice */
    /* SO_LINGER of each connection, in seconds, up to 65535; 0 answers even FIN with a reset; default -1: a close is graceful and takes
       no time */
    int32_t linger_s;
    /* Most bytes of one connection held between reception and echo: 1 to 2^26; default 262144. A longer datagram is not answered. */
    uint32_t echo_buffer_bytes;
    uint32_t journal_events; /* events kept for ws2echo_server_next_event: 1 to 2^20; default 4096. Older ones are dropped */
    uint32_t reserved;       /* 0 */
    /* Rules of faults that are in force from the start, in their order, separated by blanks or ends of lines, 32 at most: see "faults"
       below. NULL, the default: none. */
    const char *faults;
    /* What faults draw their chances from: the same seed touches the same connections, bytes and datagrams. Default 0: one is drawn, which
       ws2echo_server_options_get tells. */
    uint64_t seed;
} ws2echo_server_options;

/* What a server counts. */
typedef struct ws2echo_server_stats {
    uint32_t size;                                     /* sizeof(ws2echo_server_stats) */
    uint32_t reserved;                                 /* 0 */
    uint64_t connections_accepted;                     /* since open, those over the cap included */
    uint64_t connections_current;                      /* served now: without those refused for the cap */
    uint64_t connections_peak;                         /* most served at once */
    uint64_t connections_closed[WS2ECHO_REASON_COUNT]; /* ended, by enum ws2echo_reason */
    uint64_t bytes_received;                           /* from all peers, over TCP and UDP */
    uint64_t bytes_sent;            /* to all peers, over TCP and UDP; from when a send begins, less what did not go */
    uint64_t datagrams_received;    /* over UDP, those that were too long included */
    uint64_t datagrams_sent;        /* answers over UDP */
    uint64_t datagrams_oversize;    /* longer than echo_buffer_bytes (WSAEMSGSIZE), and therefore not answered */
    uint64_t datagrams_unreachable; /* told by SIO_UDP_CONNRESET: an answer met a closed port (WSAECONNRESET, WSAENETRESET) */
    uint64_t datagrams_failed;      /* answers that could not be sent, and receives that failed for any other reason */
    uint64_t events_dropped;        /* events that the journal had no room to keep */
    uint64_t accept_failures;       /* accept calls that failed for want of resources, and were repeated */
    uint64_t uptime_us;             /* microseconds since open */
} ws2echo_server_stats;

/* One thing that happened to a server. */
typedef struct ws2echo_event {
    uint32_t size;           /* sizeof(ws2echo_event) */
    uint32_t kind;           /* enum ws2echo_event_kind */
    uint32_t reason;         /* enum ws2echo_reason; NONE unless kind is CLOSED */
    int32_t error;           /* the Winsock code behind reason RESET, TIMEOUT or ERROR, else 0 */
    uint64_t sequence;       /* 1, 2, 3, … in the order of happening; a gap tells how many events were dropped */
    uint64_t time_us;        /* microseconds since the server was opened */
    uint64_t connection_id;  /* 1, 2, 3, … in the order of acceptance; 0 when kind is LISTENING, of the listener and over UDP */
    uint64_t duration_us;    /* from accepted to closed; 0 unless kind is CLOSED */
    uint64_t bytes_received; /* from the peer, so far: when a fault touches or ends a connection, what the model had received */
    uint64_t bytes_sent;     /* to the peer, so far */
    ws2echo_address local;   /* the server's end; of LISTENING, where it listens */
    ws2echo_address peer;    /* all zero when kind is LISTENING, of a FAULT of the listener, and of CLOSED over UDP */
    uint32_t protocol;       /* enum ws2echo_protocol: TCP or UDP; over UDP no connection is told of: see CLOSED and FAULT */
    uint32_t rule;           /* the rule's id, of FAULT, and of CLOSED if a fault ended the connection; else 0 */
    /* Of FAULT: where it began to touch the connection, as an offset in its bytes; over UDP the number of the datagram, 1, 2, 3, … of its
       socket. Else 0. */
    uint64_t place;
    uint32_t fault;    /* of FAULT: the kind, by its number for ws2echo_fault_describe. Else 0 */
    uint32_t reserved; /* 0 */
} ws2echo_event;

/* What ws2echo_server_wait waits for. */
enum ws2echo_until {
    WS2ECHO_UNTIL_ACCEPTED = 0,     /* so many connections were accepted since the server was opened */
    WS2ECHO_UNTIL_OPEN = 1,         /* so many are open, or more */
    WS2ECHO_UNTIL_OPEN_AT_MOST = 2, /* so many are open, or fewer; 0: none */
    WS2ECHO_UNTIL_CLOSED = 3,       /* so many have ended since the server was opened */
    WS2ECHO_UNTIL_FAULTS = 4,       /* faults have touched connections, or datagrams, so many times: events of kind FAULT */
    WS2ECHO_UNTIL_RECEIVED = 5,     /* so many bytes were received since the server was opened, over TCP and UDP */
    WS2ECHO_UNTIL_SENT = 6          /* the sending of so many bytes has begun, likewise: bytes_sent of ws2echo_server_stats */
};

/*
 * Fills *options with the defaults named above.
 * Errors: WSAEFAULT. Does not block.
 */
WS2ECHO_API int ws2echo_server_options_init(ws2echo_server_options *options);

/*
 * Opens a server: afterwards it listens, on every address that the options ask for and all on one port, bound exclusively
 * (SO_EXCLUSIVEADDRUSE), and serves without further calls. The handle is the caller's, to be closed with ws2echo_server_close.
 * Without a host, an IP version that the machine does not have is left out.
 * Errors: WSAEFAULT; WSAEINVAL, the failure text names the option; WSAEOPNOTSUPP when the model does not offer it (accept, workers)
 * or a fault is not of the protocol;
 * WSAEMFILE; WSAENOBUFS; WSAHOST_NOT_FOUND or another code of name
 * resolution; WSAEADDRINUSE or WSAEACCES when the port is taken; WSAEADDRNOTAVAIL when an address is not of this machine.
 * Blocks only as long as the name of the host takes to resolve.
 */
WS2ECHO_API int ws2echo_server_open(const ws2echo_server_options *options, ws2echo_server *server);

/*
 * Gives the options in force: the port that was chosen, and what the system made of no_delay, the buffers and linger_s, read back
 * from the listening socket, and what accept, accepts_pending and workers came to; the rest as it was given. seed is never 0.
 * host and faults are NULL: ws2echo_server_address tells the addresses, ws2echo_server_fault_get the rules. Set options->size
 * before the call.
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
 * Gives the counters: those of connections and events of one moment, those of bytes and datagrams while others may count on. Set
 * stats->size before the call.
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
 * Waits up to timeout_ms until the server has come to something (enum ws2echo_until): the count is reached by then, or it was
 * before. Takes no event out of the journal.
 * Errors: WSAENOTSOCK; WSAEINVAL; WSA_OPERATION_ABORTED when the server is closed meanwhile; WSAETIMEDOUT; WSAEDISCON when the
 * server was stopped without having come to it: it never will. Blocks for at most timeout_ms.
 */
WS2ECHO_API int ws2echo_server_wait(ws2echo_server server, uint32_t until, uint64_t count, uint32_t timeout_ms);

/*
 * Stops accepting, for good, then waits up to timeout_ms for the connections to end by themselves, served to their last byte.
 * Afterwards the port is free, and no connection or thread of the server is left. After WSAETIMEDOUT it may be called again, to wait on.
 * A peer that has just connected may not have been accepted yet; then it is cut off, and counted nowhere: ws2echo_server_wait for
 * WS2ECHO_UNTIL_ACCEPTED waits for it.
 * Errors: WSAENOTSOCK; WSAETIMEDOUT; WSA_OPERATION_ABORTED when the server is closed meanwhile. Blocks for at most timeout_ms.
 */
WS2ECHO_API int ws2echo_server_drain(ws2echo_server server, uint32_t timeout_ms);

/*
 * Drains for at most drain_timeout_ms, then resets what is left, and says how many connections that were: those, too, of which the
 * fault fin has ended one half, and which are served as long as the peer has the other; their reason stays FAULT. Afterwards the port is
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

/* ---- faults ---------------------------------------------------------------------------------------------------------------- */

/*
 * A rule makes a server misbehave, and is a text:
 *
 *   rule       = kind [ ":" parameter { "," parameter } ] [ "@" condition { "," condition } ]
 *   parameter  = name "=" value             the kind's own, and
 *                "toxicity=" fraction       of the connections that the conditions select; 1 if left out
 *                "stream=" ( "upstream" | "downstream" )    what the server receives, or sends; downstream if left out
 *   condition  = name "=" value             first, every, after_bytes, after_ms, probability, and
 *                "peers=" address [ "/" prefix ]
 *
 *   latency:latency=50,jitter=10          corrupt:rate=0.01,stream=upstream,toxicity=0.5          refuse@first=2
 *   reset:at=100@every=3                  drop:rate=0.1,correlation=0.25@peers=10.0.0.0/8
 *
 * ws2echo_fault_describe and ws2echo_fault_parameter_describe list the kinds, their parameters and conditions. Kinds, names and
 * units that Toxiproxy has are the same here.
 *
 * Rules work in their order, those of upstream before those of downstream. Over UDP each datagram is selected by itself.
 * Conditions are about a connection from its start, also for a rule that was added later; only first and every count from when
 * the rule was added. What a rule draws depends on the seed, the rule's id, the number of the connection and the offset of the
 * byte, or the number of the datagram, and on nothing else: whatever the I/O model, and however threads and reads fall. Over TCP all
 * that comes within a millisecond has one draw of latency's jitter, so that there it depends on when bytes come, too.
 *
 * A server has 32 rules at most. One that was added, changed or removed is so for every connection when the call returns, for
 * those that are open, too, but for refuse; only in the model threads a connection that no fault had touched, and whose peer takes
 * nothing of what is being sent, follows when it does. The kind down closes the listening sockets, and ends the connections; never_accept
 * leaves the sockets listening, while nobody accepts. When the rule goes the server listens again on the same port. Over UDP,
 * down loses every datagram. What ends a connection by FIN (down, fin, limit_data, timeout) waits for the send that is under way, for
 * as long as the peer does not take it.
 *
 * What a rule has taken already keeps the time that it was given, though the rule changes: by latency and delay the data that is
 * held, by trickle and slicer the pause that is under way. To remove the rule lets go of it at once.
 *
 * Over UDP latency, delay and reorder hold back at most 256 datagrams of a socket, or 1 MiB of them. When that is full nothing is
 * received until one of them is sent.
 */

/* A rule of a server. */
typedef struct ws2echo_fault {
    uint32_t size;                      /* sizeof(ws2echo_fault) */
    uint32_t id;                        /* 1, 2, 3, … in the order of addition; never given twice */
    uint32_t kind;                      /* its number for ws2echo_fault_describe */
    uint32_t reserved;                  /* 0 */
    char text[WS2ECHO_FAULT_TEXT_SIZE]; /* in its canonical form: equal rules have equal texts */
} ws2echo_fault;

/* A kind of fault. */
typedef struct ws2echo_fault_info {
    uint32_t size;      /* sizeof(ws2echo_fault_info) */
    uint32_t protocols; /* over what there is it: 1 << enum ws2echo_protocol, added up, of TCP and UDP */
    uint32_t streams;   /* 1 if the parameter stream applies, else 0 */
    uint32_t selects;   /* 1 if toxicity and the condition peers apply, else 0: it is about all that comes to the server */
    char name[16];      /* "latency" */
    char summary[128];  /* one sentence */
} ws2echo_fault_info;

/* A parameter of a kind of fault, or a condition that it can have. */
typedef struct ws2echo_fault_parameter_info {
    uint32_t size;        /* sizeof(ws2echo_fault_parameter_info) */
    uint32_t condition;   /* 1: a condition, which stands behind "@"; else 0 */
    uint32_t required;    /* 1: it has no default, and must be given; else 0 */
    uint32_t optional;    /* 1: left out, it has no value; else 0 */
    double least;         /* the smallest value */
    double most;          /* the largest value */
    double default_value; /* 0 if required or optional */
    char name[24];        /* "latency" */
    char unit[24];        /* "milliseconds"; "" of a plain number; of "a fraction" values are 0 to 1, else whole */
    char summary[80];     /* what it means */
} ws2echo_fault_parameter_info;

/*
 * Adds a rule behind the others, and gives its id.
 * Errors: WSAENOTSOCK; WSAEFAULT; WSAEINVAL, the failure text says at which byte of the text and what may stand there;
 * WSAEOPNOTSUPP when the kind is not for the server's protocol; WSAENOBUFS when there are 32 rules; what the system said when the
 * server could not listen again, and then the rules are as they were.
 * Blocks for a moment: half a second at worst, and up to ten if the port of a server that was down is still in use.
 */
WS2ECHO_API int ws2echo_server_fault_add(ws2echo_server server, const char *text, uint32_t *id);

/*
 * Changes what a rule says; its id and its place among the others stay.
 * Errors: as ws2echo_server_fault_add; WSAEINVAL also when there is no rule of that id. Blocks likewise.
 */
WS2ECHO_API int ws2echo_server_fault_change(ws2echo_server server, uint32_t id, const char *text);

/*
 * Removes a rule: what it held back goes on, what it ended stays so.
 * Errors: WSAENOTSOCK; WSAEINVAL when there is no rule of that id; as ws2echo_server_fault_add. Blocks likewise.
 */
WS2ECHO_API int ws2echo_server_fault_remove(ws2echo_server server, uint32_t id);

/*
 * Gives the index-th rule in force, counted from 0. Set fault->size before the call.
 * Errors: WSAENOTSOCK; WSAEFAULT; WSAEINVAL, also when there are not so many. Does not block.
 */
WS2ECHO_API int ws2echo_server_fault_get(ws2echo_server server, uint32_t index, ws2echo_fault *fault);

/*
 * Describes the index-th kind of fault, counted from 0. Set info->size before the call.
 * Errors: WSAEFAULT; WSAEINVAL, also when there are not so many. Does not block.
 */
WS2ECHO_API int ws2echo_fault_describe(uint32_t index, ws2echo_fault_info *info);

/*
 * Describes the index-th parameter of a kind of fault, counted from 0: first its own, in the order in which they are written,
 * then its conditions. toxicity, stream and peers are not among them. Set info->size before the call.
 * Errors: WSAEFAULT; WSAEINVAL, also when there are not so many, of kinds or parameters. Does not block.
 */
WS2ECHO_API int ws2echo_fault_parameter_describe(uint32_t kind, uint32_t index, ws2echo_fault_parameter_info *info);

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
    uint32_t udp_connreset;        /* SIO_UDP_CONNRESET, 0 or 1: whether a closed port of the peer is told; default 1 */
    uint32_t receive_buffer_bytes; /* SO_RCVBUF, up to 2^30; default 0 = the system's choice */
    uint32_t send_buffer_bytes;    /* SO_SNDBUF, up to 2^30; default 0 = the system's choice */
    int32_t linger_s;              /* SO_LINGER in seconds, up to 65535; 0: close resets. Default -1: close is graceful */
} ws2echo_client_options;

/* What a client counts. */
typedef struct ws2echo_client_stats {
    uint32_t size;                  /* sizeof(ws2echo_client_stats) */
    uint32_t reserved;              /* 0 */
    uint64_t bytes_sent;            /* taken by the system */
    uint64_t bytes_received;        /* given to the caller */
    uint64_t datagrams_sent;        /* over UDP */
    uint64_t datagrams_received;    /* over UDP, given to the caller */
    uint64_t datagrams_unreachable; /* over UDP: calls that told of the peer's closed port (WSAECONNRESET) */
    uint64_t connect_us;            /* microseconds from begin (the name resolved) to connected */
    uint64_t uptime_us;             /* microseconds since connected */
} ws2echo_client_stats;

/* How far one echo has come. All zero before its first call; afterwards only ws2echo_client_echo changes it. */
typedef struct ws2echo_echo_progress {
    uint64_t bytes_sent;      /* of the data, taken by the system */
    uint64_t bytes_received;  /* of the echo */
    uint64_t mismatch_offset; /* where the first wrong byte came back; WS2ECHO_NO_MISMATCH if none did. Meaningful once started */
    uint64_t elapsed_us;      /* microseconds spent inside ws2echo_client_echo */
    uint32_t datagram_sent;   /* over UDP: 1 once the data has left */
    uint32_t datagram_received; /* over UDP: 1 once an answer came */
} ws2echo_echo_progress;

/* How to ask a UDP echo server again and again. ws2echo_ping_options_init fills it with the defaults. */
typedef struct ws2echo_ping_options {
    uint32_t size;             /* sizeof(ws2echo_ping_options) */
    uint32_t datagram_bytes;   /* 16 to 65507: magic number, sequence number, then a pattern; default 64 */
    uint64_t datagrams;        /* how many to send: 1 to 2^40; default 10 */
    uint32_t window;           /* datagrams that may wait for their answers at once: 1 to 1024; default 1 */
    uint32_t interval_us;      /* least microseconds between two sendings, up to 10^9; default 0 */
    uint32_t reply_timeout_ms; /* an answer that has not come for so long is lost: 1 to 2^31; default 1000 */
    uint32_t reserved;         /* 0 */
} ws2echo_ping_options;

/* How far pinging has come. All zero before its first call; afterwards only ws2echo_client_ping changes it. */
typedef struct ws2echo_ping_progress {
    uint64_t sent;        /* datagrams sent */
    uint64_t received;    /* datagrams answered in time, each counted once */
    uint64_t lost;        /* datagrams whose answer did not come within reply_timeout_ms */
    uint64_t late;        /* answers of those, that came after all; of datagrams 4096 and more ago, also second ones */
    uint64_t duplicated;  /* answers that came a second time, or more often */
    uint64_t reordered;   /* answers in time that came after the answer of a later datagram (RFC 4737, 3.3) */
    uint64_t corrupt;     /* answers with a wrong byte or length; they answer nothing */
    uint64_t foreign;     /* datagrams that are no answer at all, or answers to an earlier ping */
    uint64_t unreachable; /* WSAECONNRESET: the peer's port was closed */
    uint64_t rtt_min_us;  /* round-trip time of answers in time, microseconds */
    uint64_t rtt_max_us;  /* … */
    uint64_t rtt_sum_us;  /* … */
    uint64_t elapsed_us;  /* microseconds since the first call */
} ws2echo_ping_progress;

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
 * The handle is the caller's, to be closed with ws2echo_client_close. Over UDP "connected" means only that the socket talks to the first
 * address that it can be connected to: nothing is sent, and a peer that does not exist shows later or never.
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

/* Gives the counters, each as it is just then. Set stats->size before the call. Errors: WSAENOTSOCK, WSAEFAULT, WSAEINVAL. Does not block. */
WS2ECHO_API int ws2echo_client_stats_get(ws2echo_client client, ws2echo_client_stats *stats);

/*
 * Sends data, all of it, and says in *sent (which may be NULL) how many bytes the system took: size, or fewer after a failure.
 * After WSAETIMEDOUT the rest may be sent by another call. data may be NULL if size is 0. Over UDP all of data is one datagram, which may be
 * empty; WSAEMSGSIZE when it is too long for one (65,507 bytes over IPv4, 65,527 over IPv6).
 * Errors: WSAENOTSOCK; WSAEFAULT; WSAETIMEDOUT when no byte was taken for timeout_ms; WSA_OPERATION_ABORTED when the client is
 * closed meanwhile; WSAENOTCONN before it is connected; WSAESHUTDOWN after a shutdown; WSAECONNRESET, WSAECONNABORTED.
 * One thread at a time sends; further ones wait their turn within their timeout. Blocks until all is taken, or for timeout_ms without progress.
 */
WS2ECHO_API int ws2echo_client_send(ws2echo_client client, const void *data, uint64_t size, uint32_t timeout_ms, uint64_t *sent);

/*
 * Receives what has come, at least one byte and at most size, waiting up to timeout_ms for it. *received 0 with result 0: the peer
 * sent FIN (or size is 0), and so at every further call. Over UDP it receives one datagram, which may be empty; of one that is longer
 * than size (which may be 0) the rest is lost, which WSAEMSGSIZE tells with *received = size; WSAECONNRESET tells that the peer's
 * port is closed, and the next call goes on.
 * Errors: as ws2echo_client_send; nothing that came is lost by a timeout. One thread at a time receives. Blocks for at most timeout_ms.
 */
WS2ECHO_API int ws2echo_client_recv(ws2echo_client client, void *buffer, uint64_t size, uint32_t timeout_ms, uint64_t *received);

/*
 * Shuts one half (enum ws2echo_half) of the connection down, and ends what waits on it with WSAESHUTDOWN. SEND and BOTH send FIN, after every
 * byte that was taken; after SEND the peer's bytes can still be received, after RECEIVE and BOTH no more is. Bytes that come after RECEIVE
 * make Windows reset the connection. Over UDP nothing is sent.
 * Errors: WSAENOTSOCK; WSAEINVAL; WSAENOTCONN; WSAECONNRESET and the like. Does not block.
 */
WS2ECHO_API int ws2echo_client_shutdown(ws2echo_client client, uint32_t half);

/*
 * Sends data and reads as many bytes back, both at once so that no size can block the other side, and compares every byte. A
 * mismatch is no failure: the result is 0 and progress->mismatch_offset tells the place. What came back is stored in reply
 * (size bytes; may be NULL; must not overlap data). After WSAETIMEDOUT another call with the same arguments goes on. Over UDP data is one
 * datagram, which may be empty: what had come before is dropped, and the next datagram that comes is the answer; if its length differs,
 * mismatch_offset is where the shorter one ends, at the latest. It is not sent again: a lost one ends in WSAETIMEDOUT.
 * Errors: as ws2echo_client_send; WSAETIMEDOUT when no byte went either way for timeout_ms; WSAEDISCON when the peer sent FIN before
 * the whole echo, which progress->bytes_received measures. WSAEINVAL: progress is none that
 * a call on this data can have left. One echo, send or recv at a time uses each half.
 * Blocks until the whole echo came, or for timeout_ms without progress.
 */
WS2ECHO_API int ws2echo_client_echo(ws2echo_client client, const void *data, uint64_t size, void *reply, uint32_t timeout_ms,
                                    ws2echo_echo_progress *progress);

/*
 * Fills *options with the defaults named above.
 * Errors: WSAEFAULT. Does not block.
 */
WS2ECHO_API int ws2echo_ping_options_init(ws2echo_ping_options *options);

/*
 * Sends datagrams with sequence numbers to a UDP echo server and accounts for every answer: received, lost, late, duplicated, reordered,
 * corrupt. Result 0: each of the datagrams was answered or is lost, as *progress tells. After WSAETIMEDOUT another call with the same
 * arguments goes on; a progress that is all zero begins anew, and ends the client's ping before. Bad answers are no failure, and
 * neither is a closed port.
 * Errors: WSAENOTSOCK; WSAEFAULT; WSAEINVAL, also when progress or options are not those of the client's last call; WSAEOPNOTSUPP
 * over TCP; WSAENOBUFS; WSAETIMEDOUT when timeout_ms has passed before the end; WSA_OPERATION_ABORTED when the client is closed
 * meanwhile; WSAENOTCONN; WSAESHUTDOWN; WSAEMSGSIZE; what the system said.
 * Uses both halves: other sends and receives wait their turn. Blocks for at most timeout_ms.
 */
WS2ECHO_API int ws2echo_client_ping(ws2echo_client client, const ws2echo_ping_options *options, uint32_t timeout_ms,
                                    ws2echo_ping_progress *progress);

/*
 * Gives a manual-reset event object of Windows (a HANDLE) for one half: RECEIVE is signalled when ws2echo_client_recv would make
 * progress, SEND when ws2echo_client_connect or ws2echo_client_send would; both after the client was closed. Waiting is right
 * after such a call with timeout 0 gave WSAETIMEDOUT: that call arms the event. While connecting, ask again now and then all the same:
 * no event tells that an address, or all of connecting, has had its time. It is the caller's: CloseHandle it, before or after the client.
 * Errors: WSAENOTSOCK; WSAEFAULT; WSAEINVAL (BOTH included); WSAENOBUFS. Does not block.
 */
WS2ECHO_API int ws2echo_client_wait_handle(ws2echo_client client, uint32_t half, uintptr_t *handle);

/*
 * Closes the connection and gives up the handle. Everything that was sent, and FIN, is still delivered, unless linger_s is 0;
 * bytes that came and were not received make the system reset the connection. Afterwards no socket, handle or memory is left.
 * Errors: WSAENOTSOCK. Blocks only with a linger_s above 0, for at most that long.
 */
WS2ECHO_API int ws2echo_client_close(ws2echo_client client);

/*
 * Resets the connection and gives up the handle: what was sent may be lost, and the peer is told by WSAECONNRESET. As
 * ws2echo_client_close with a linger_s of 0; over UDP it is ws2echo_client_close. For testing servers.
 * Errors: WSAENOTSOCK. Does not block.
 */
WS2ECHO_API int ws2echo_client_reset(ws2echo_client client);

/* ---- load ------------------------------------------------------------------------------------------------------------------ */

/* The places of a histogram. */
#define WS2ECHO_HISTOGRAM_COUNTS 2688

/*
 * How often which latency was met, in microseconds. Values below 256 are counted exactly; above, those of one place differ by less
 * than 1/128 of the value. The layout is that of HdrHistogram for 1 to 100,000,000 us and 2 significant digits;
 * ws2echo_histogram_bounds tells the values of a place. What is above the highest of them, 134,217,727, counts in the last place,
 * while max_us and sum_us are exact. Histograms can be added up: ws2echo_histogram_merge loses nothing. No number wraps around; it
 * stops at 2^64 - 1. A histogram is plain memory of the caller's, without a handle: while a call changes it, no other thread may use
 * it.
 */
typedef struct ws2echo_histogram {
    uint32_t size;                             /* sizeof(ws2echo_histogram) */
    uint32_t reserved;                         /* 0 */
    uint64_t count;                            /* values that were counted */
    uint64_t min_us;                           /* the smallest, exact; 0 when count is 0 */
    uint64_t max_us;                           /* the largest, exact; 0 when count is 0 */
    uint64_t sum_us;                           /* of all values, exact */
    uint64_t counts[WS2ECHO_HISTOGRAM_COUNTS]; /* values by place */
} ws2echo_histogram;

/*
 * Makes *histogram an empty one, its size set.
 * Errors: WSAEFAULT. Does not block.
 */
WS2ECHO_API int ws2echo_histogram_init(ws2echo_histogram *histogram);

/*
 * Counts value_us, count times. A count of 0 changes nothing.
 * Errors: WSAEFAULT; WSAEINVAL, the size of the struct. Does not block.
 */
WS2ECHO_API int ws2echo_histogram_record(ws2echo_histogram *histogram, uint64_t value_us, uint64_t count);

/*
 * Adds everything that *from has counted to *into, as if it had been counted there. *from stays as it is; both may be one.
 * Errors: WSAEFAULT; WSAEINVAL, the size of a struct. Does not block.
 */
WS2ECHO_API int ws2echo_histogram_merge(ws2echo_histogram *into, const ws2echo_histogram *from);

/*
 * Gives the value that so many percent of the values do not exceed: the highest of the place where the value with the rank
 * percentile / 100 * count, rounded up, was counted, but no more than max_us. So it is never too low, and too high by less than
 * 1/128. 0 percent gives min_us, 100 percent max_us, and the last place always max_us. *value_us is 0 when count is 0.
 * Errors: WSAEFAULT; WSAEINVAL, the size of the struct or a percentile outside of 0 to 100. Does not block.
 */
WS2ECHO_API int ws2echo_histogram_percentile(const ws2echo_histogram *histogram, double percentile, uint64_t *value_us);

/*
 * Gives the mean of the values, from their exact sum. *mean_us is 0 when count is 0.
 * Errors: WSAEFAULT; WSAEINVAL, the size of the struct. Does not block.
 */
WS2ECHO_API int ws2echo_histogram_mean(const ws2echo_histogram *histogram, double *mean_us);

/*
 * Gives the standard deviation of the values, each taken for the middle of its place. *deviation_us is 0 when count is 0.
 * Errors: WSAEFAULT; WSAEINVAL, the size of the struct. Does not block.
 */
WS2ECHO_API int ws2echo_histogram_deviation(const ws2echo_histogram *histogram, double *deviation_us);

/*
 * Gives the lowest and the highest of the values that counts[index] is for. Places follow on each other without a gap, from 0 to
 * 134,217,727.
 * Errors: WSAEFAULT; WSAEINVAL when there are not so many places. Does not block.
 */
WS2ECHO_API int ws2echo_histogram_bounds(uint32_t index, uint64_t *lowest_us, uint64_t *highest_us);

/* When a connection of a load sends and receives. */
enum ws2echo_load_pattern {
    /* Sends the next message when fewer than `depth` wait for their answers. The default. */
    WS2ECHO_LOAD_PING_PONG = 0,
    /* Sends as long as fewer than `window_bytes` wait for their answers, and receives meanwhile. */
    WS2ECHO_LOAD_STREAM = 1
};

/* Which part of what it sent a connection of a load receives, and when. The last three are from the SDK's TestAcc. */
enum ws2echo_load_receive {
    WS2ECHO_LOAD_RECEIVE_ALWAYS = 0,     /* From the start. The default. */
    WS2ECHO_LOAD_RECEIVE_LATE = 1,       /* Nothing before receive_delay_ms has passed since it was connected. */
    WS2ECHO_LOAD_RECEIVE_AFTER_SENT = 2, /* By turns: what depth or window_bytes allow is sent, then all of it is received. */
    WS2ECHO_LOAD_RECEIVE_NEVER = 3       /* Nothing: it sends until the peer takes no more, or its limit is reached. */
};

/* What was wrong with what a connection of a load received, or with the connection. */
enum ws2echo_load_problem_kind {
    WS2ECHO_LOAD_CORRUPT = 0,     /* a wrong byte, amid right ones; or with too few behind it to tell (22 at most) */
    WS2ECHO_LOAD_MISSING = 1,     /* bytes were left out: what came belongs to a later offset */
    WS2ECHO_LOAD_REPEATED = 2,    /* what came belongs to an earlier offset */
    WS2ECHO_LOAD_FOREIGN = 3,     /* what came belongs to another connection of this load; over UDP, is no answer at all */
    WS2ECHO_LOAD_EXCESS = 4,      /* more came back than was sent */
    WS2ECHO_LOAD_EARLY_END = 5,   /* FIN came before the whole echo */
    WS2ECHO_LOAD_UNCONNECTED = 6, /* it could not be connected, or over UDP no datagram was answered: `error` */
    WS2ECHO_LOAD_BROKEN = 7       /* the connection was reset, ran into a time limit, or failed otherwise: `error` */
};

/* How many kinds of problem there are: the size of a table by kind. */
#define WS2ECHO_LOAD_PROBLEM_COUNT 8

/* Most sizes that message_bytes can list. */
#define WS2ECHO_LOAD_SIZES_MAX 16

/* How to load a server. ws2echo_load_options_init fills it with the defaults. What ends the load is whichever limit is reached first: duration_ms,
   messages, bytes; with none of them it goes on until it is stopped. */
typedef struct ws2echo_load_options {
    uint32_t size;     /* sizeof(ws2echo_load_options) */
    uint32_t model;    /* enum ws2echo_model, of this end; default IOCP */
    uint32_t protocol; /* enum ws2echo_protocol: TCP or UDP */
    uint32_t family;   /* enum ws2echo_family */
    /* A name or a numeric address; NULL: "localhost". Over TCP its addresses are tried in turn until one answers, over UDP it is the first. */
    const char *host;
    uint32_t port;        /* 1 to 65535; must be set */
    uint32_t workers;     /* threads that share the connections: as ws2echo_server_options.workers */
    uint32_t connections; /* at once: 1 to 65536; default 1 */
    uint32_t pattern;     /* enum ws2echo_load_pattern */
    /* Messages of a connection that may wait for their answers: 1 to 1024; default 1. Only PING_PONG, and UDP. In the model threads, which
       does not receive while it sends, no more than 32 KiB are on their way, and a longer message goes in pieces. */
    uint32_t depth;
    /* Bytes of a connection that may wait for their answers, in no more than 1,024 messages: 1 to 2^30; default 0: 1 MiB, in the model
       threads 32 KiB, since a thread that sends receives nothing meanwhile. Both ends would block for ever if more than the buffers between
       take were out. Only STREAM. */
    uint32_t window_bytes;
    uint32_t sizes;       /* how many message_bytes are given: 1 to WS2ECHO_LOAD_SIZES_MAX; default 1 */
    uint32_t sizes_range; /* 1: message_bytes[0] is the smallest and message_bytes[1] the largest of a range; default 0 */
    /* Sizes of messages, of which each is chosen by chance: 1 to 2^26 each, over UDP 16 to 65507 and only one. Default {64}. */
    uint32_t message_bytes[WS2ECHO_LOAD_SIZES_MAX];
    uint64_t messages;                /* sent by all connections together: 1 or more; default 0: no limit */
    uint64_t bytes;                   /* likewise */
    uint64_t messages_per_connection; /* after so many a connection ends, and another takes its place (churn); default 0: never */
    uint32_t duration_ms;             /* no message begins later: 1 or more; default WS2ECHO_INFINITE */
    uint32_t warm_up_ms;              /* messages due before that have no part in the latency histogram; default 0 */
    uint32_t ramp_up_ms;              /* the time in which connections are begun, evenly, and their rates with them; default 0 */
    uint32_t think_ms; /* a connection waits so long after an answer; default 0. Only PING_PONG with depth 1, without rate */
    /* Messages a second of all connections together; default 0: as fast as it goes. Each connection has its share, at times that are fixed in
       advance, and latency counts from those times, not from when it came to sending: so an answer that comes late shows in every
       message that it delays (Gil Tene: coordinated omission). */
    uint64_t rate;
    /* Messages of a connection that are due at once, each so many intervals: 1 to 1024; default 1. Only with rate. */
    uint32_t burst;
    uint32_t receive;            /* enum ws2echo_load_receive */
    uint32_t receive_delay_ms;   /* for RECEIVE_LATE; else 0 */
    uint32_t send_delay_ms;      /* from connected to the first message; default 0. Only without rate */
    uint32_t connect_timeout_ms; /* default 10000 */
    /* A connection that waits for an answer ends when no byte moves for so long; over UDP a datagram is lost. 1 or more; default
       WS2ECHO_TIMEOUT_OF_OPTIONS: 1000 over UDP; over TCP WS2ECHO_INFINITE, as a time limit costs the model threads a system call for each
       message. */
    uint32_t reply_timeout_ms;
    uint32_t finish_timeout_ms;    /* what has not ended so long after its FIN, or after duration_ms, is reset; default 10000 */
    uint32_t reset;                /* 1: connections end by reset, not by FIN; default 0 */
    uint32_t no_delay;             /* TCP_NODELAY, 0 or 1; default 1 */
    uint32_t receive_buffer_bytes; /* SO_RCVBUF, up to 2^30; default 0 = the system's choice */
    uint32_t send_buffer_bytes;    /* SO_SNDBUF, up to 2^30; default 0 = the system's choice */
    /* Of the bytes and the sizes: the same seed sends the same, so loads that meet in one server should differ in it. Default 1. */
    uint64_t seed;
} ws2echo_load_options;

/* What a load counts, since it was opened. */
typedef struct ws2echo_load_stats {
    uint32_t size;     /* sizeof(ws2echo_load_stats) */
    uint32_t finished; /* 1: every connection has ended, and no further one will begin */
    uint64_t connections_begun;
    uint64_t connections_connected; /* over UDP: that had an answer */
    uint64_t connections_current;   /* connected and not ended */
    /* Ended well: everything that was to come back came (over UDP one answer at least), and the end as it should be. */
    uint64_t connections_finished;
    uint64_t problems[WS2ECHO_LOAD_PROBLEM_COUNT]; /* by enum ws2echo_load_problem_kind; over TCP a connection has one at most */
    uint64_t messages;                             /* answered, each byte right; warm-up included */
    uint64_t bytes_sent;                           /* payload */
    uint64_t bytes_received;
    uint64_t datagrams_lost; /* UDP: no answer within reply_timeout_ms; these as in ws2echo_ping_progress */
    uint64_t datagrams_late;
    uint64_t datagrams_duplicated;
    uint64_t datagrams_reordered;
    uint64_t datagrams_corrupt;
    uint64_t datagrams_foreign;
    uint64_t datagrams_unreachable;
    uint64_t elapsed_us; /* since open; stands still once finished */
    /* Since open until a byte moved last: what a rate is counted over, or waiting for an answer that never comes would be part of it. While
       it runs as elapsed_us. */
    uint64_t active_us;
    /* With rate: messages that were due before the end and did not begin, as their connection waited for answers until then, had broken, or was
       never connected. No histogram has them, nor those that began and had no answer: latencies look better by what these would have shown.
       0 until finished. */
    uint64_t messages_owed;
    /* With rate: messages for which nothing was waited for but their time; of connections that have ended. */
    uint64_t messages_timed;
    /* By how much too late these began, all together. So late are the timers of this end (a millisecond, under Windows up to 16 for each), and it
       is in the latency of each. */
    uint64_t timer_late_us;
    uint64_t timer_late_max_us; /* the most of one */
} ws2echo_load_stats;

/* Something that was wrong with a connection of a load. Over UDP CORRUPT and FOREIGN are of a datagram, and no byte is told: offset is the number that a corrupt one says. */
typedef struct ws2echo_load_problem {
    uint32_t size;       /* sizeof(ws2echo_load_problem) */
    uint32_t kind;       /* enum ws2echo_load_problem_kind */
    uint64_t time_us;    /* microseconds since open */
    uint64_t connection; /* 0, 1, 2, … in the order of beginning */
    uint64_t offset;     /* of the first wrong byte in what the connection received; of the end, for EARLY_END and later kinds */
    uint64_t found_connection; /* of MISSING, REPEATED, and over TCP FOREIGN: where what came belongs */
    uint64_t found_offset;     /* … */
    uint64_t missing;          /* of EARLY_END: bytes that did not come */
    int32_t error;             /* of UNCONNECTED and BROKEN: the Winsock code */
    uint8_t expected;          /* of CORRUPT to FOREIGN: the byte that should be there */
    uint8_t actual;            /* … and the one that is */
    uint16_t reserved;         /* 0 */
} ws2echo_load_problem;

/* Which times a histogram of a load holds. */
enum ws2echo_load_histogram_kind {
    WS2ECHO_LOAD_LATENCY = 0, /* of messages: from when it was sent, or due if there is a rate, until its last byte was back */
    WS2ECHO_LOAD_CONNECT = 1  /* of connections: from begun to connected, at the address that answered */
};

/* Fills *options with the defaults named above. Errors: WSAEFAULT. Does not block. */
WS2ECHO_API int ws2echo_load_options_init(ws2echo_load_options *options);

/*
 * Opens a load: afterwards its connections are being begun, and it runs without further calls, until its limits end it or
 * ws2echo_load_stop does. The handle is the caller's, to be closed with ws2echo_load_close. What goes wrong with a connection is counted and
 * told by ws2echo_load_next_problem; it is no failure of any call.
 * Errors: WSAEFAULT; WSAEINVAL, the failure text names the option; WSAEOPNOTSUPP when the model or protocol does not offer it;
 * WSAEMFILE; WSAENOBUFS; WSAHOST_NOT_FOUND or another code of name resolution.
 * Blocks while the name is resolved; not at all for a numeric address.
 */
WS2ECHO_API int ws2echo_load_open(const ws2echo_load_options *options, ws2echo_load *load);

/*
 * Gives the options in force: what the defaults came to; the rest as it was given. host is NULL. Set options->size before the call.
 * Errors: WSAENOTSOCK, WSAEFAULT, WSAEINVAL. Does not block.
 */
WS2ECHO_API int ws2echo_load_options_get(ws2echo_load load, ws2echo_load_options *options);

/*
 * Gives the counters, also while the load runs. Set stats->size before the call.
 * Errors: WSAENOTSOCK, WSAEFAULT, WSAEINVAL. Does not block.
 */
WS2ECHO_API int ws2echo_load_stats_get(ws2echo_load load, ws2echo_load_stats *stats);

/*
 * Gives one of the histograms (enum ws2echo_load_histogram_kind), also while the load runs. Set histogram->size before the call.
 * Errors: WSAENOTSOCK, WSAEFAULT, WSAEINVAL. Does not block.
 */
WS2ECHO_API int ws2echo_load_histogram_get(ws2echo_load load, uint32_t kind, ws2echo_histogram *histogram);

/*
 * Takes the oldest problem, waiting up to timeout_ms for one. Only the first 1,024 that nobody has taken yet are kept; all are counted.
 * Set problem->size before the call.
 * Errors: WSAENOTSOCK; WSAEFAULT; WSAEINVAL; WSA_OPERATION_ABORTED when the load is closed meanwhile; WSAETIMEDOUT; WSAEDISCON when the load has
 * finished and there is none. Blocks for at most timeout_ms.
 */
WS2ECHO_API int ws2echo_load_next_problem(ws2echo_load load, uint32_t timeout_ms, ws2echo_load_problem *problem);

/*
 * Waits up to timeout_ms until the load has finished.
 * Errors: WSAENOTSOCK; WSA_OPERATION_ABORTED when the load is closed meanwhile; WSAETIMEDOUT. Blocks for at most timeout_ms.
 */
WS2ECHO_API int ws2echo_load_wait(ws2echo_load load, uint32_t timeout_ms);

/*
 * Ends the load as its duration would: no message begins any more, connections end once their answers have come, those that have not
 * after finish_timeout_ms are reset; ws2echo_load_wait waits for that. On a load that has finished it does nothing.
 * Errors: WSAENOTSOCK. Does not block.
 */
WS2ECHO_API int ws2echo_load_stop(ws2echo_load load);

/*
 * Resets the connections that are left, and gives up the handle. Afterwards no thread, socket, handle or memory of it is left.
 * Errors: WSAENOTSOCK. Blocks only as long as the threads take to end.
 */
WS2ECHO_API int ws2echo_load_close(ws2echo_load load);

/* ---- library --------------------------------------------------------------------------------------------------------------- */

/* An I/O model of the DLL. */
typedef struct ws2echo_model_info {
    uint32_t size;     /* sizeof(ws2echo_model_info) */
    uint32_t model;    /* enum ws2echo_model */
    char name[16];     /* "threads" */
    char family[16];   /* "blocking", "readiness" or "completion": what Winsock tells, and when */
    char summary[112]; /* one sentence */
    char calls[160];   /* the Winsock and Win32 calls that it is made of */
    char limits[160];  /* what bounds the number of connections, and what a thread of it serves */
    uint32_t accepts;  /* ways to accept that it offers: 1 << enum ws2echo_accept, added up, without DEFAULT */
    uint32_t workers;  /* 1 if the option workers applies, else 0 */
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
