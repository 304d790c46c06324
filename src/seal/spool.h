/*
 * spool.h
 *		Bytes put away one after the other, and read back by their place: in memory
 *		as long as they are few, then in a temporary file, which processes of
 *		parallel work can share.
 */
#ifndef LEDGER_SPOOL_H
#define LEDGER_SPOOL_H

#include "common/ledger_engine.h"

#include "storage/sharedfileset.h"

typedef struct Spool Spool;

/* In a file of this process alone. */
extern Spool *spool_open(void);

/* In a file from the first byte, which others of the set can read once it is shared. */
extern Spool *spool_open_shared(SharedFileSet *set, const char *name);

/* Puts bytes away; their place. */
extern int64 spool_put(Spool *spool, const void *data, Size size);

/* Has others read what was put so far; nothing more is put. */
extern void spool_share(Spool *spool);

/* A spool that another process shared. */
extern Spool *spool_attach(SharedFileSet *set, const char *name);

extern void spool_get(Spool *spool, int64 place, void *data, Size size);

extern void spool_close(Spool *spool);

#endif
