/*
 * The Winsock error codes that the core speaks of. The core includes no header of Windows; win/error.c asserts that these are
 * the system's.
 */
#ifndef W2E_CODES_H
#define W2E_CODES_H

enum {
    W2E_OPERATION_ABORTED = 995,
    W2E_EINVAL = 10022,
    W2E_EMSGSIZE = 10040,
    W2E_EOPNOTSUPP = 10045,
    W2E_ENETRESET = 10052,
    W2E_ECONNABORTED = 10053,
    W2E_ECONNRESET = 10054,
    W2E_ENOBUFS = 10055,
    W2E_ETIMEDOUT = 10060
};

#endif
