/* Winsock error codes in words, and the text of each thread's last failure. */
#ifndef W2E_ERROR_H
#define W2E_ERROR_H

/* Room for a last failure, the longest host name included. */
enum { W2E_FAILURE_TEXT_SIZE = 2048 };

/* Never NULL. */
const char *w2e_error_name(int error);
const char *w2e_error_text(int error);

/* Notes what failed ("bind [::1]:27015", by a printf format) as this thread's last failure, and gives the error back. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
int w2e_fail(int error, const char *what, ...);

/* Like w2e_fail, with what to say instead of the error's own text. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
int w2e_fail_because(int error, const char *because, const char *what, ...);

/* Notes the failure that another thread, or an earlier call, told of; text as from w2e_last_failure. */
int w2e_fail_again(int error, const char *text);

const char *w2e_last_failure(void);

#endif
