/*
 * post_headers.h
 *		The pass over a run's headers, which get their je_number.
 */
#ifndef LEDGER_POST_HEADERS_H
#define LEDGER_POST_HEADERS_H

#include "post/post_run.h"

typedef struct HeaderPass HeaderPass;

/* Reads the counters of the books, and in what order the pages are to be posted. Needs query_open(). */
extern HeaderPass *post_headers_open(Post *post, Relation staging);

/* True where headers may be written while parallel workers are at work. */
extern bool post_headers_only_store(HeaderPass *pass);

extern void post_headers_write(HeaderPass *pass);

/* Writes what is buffered, and the counters. */
extern void post_headers_close(HeaderPass *pass);

#endif
