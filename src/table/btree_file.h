/*
 * btree_file.h
 *		Writes a new B-tree from entries that come in its order.
 *
 * The server's builder reads the table and sorts. Where the entries and their
 * order are known without, this makes the same pages from them.
 */
#ifndef LEDGER_BTREE_FILE_H
#define LEDGER_BTREE_FILE_H

#include "common/ledger_engine.h"

#include "access/itup.h"
#include "utils/rel.h"

typedef struct BtreeFile BtreeFile;

/* Does an index order the rows of a table by these columns alone, each upwards and texts by their bytes? */
extern bool
btree_file_fits(Relation table, Relation index, const char *const *columns, int ncolumns);

/* The index has a new file without blocks. Lives in the current memory context. */
extern BtreeFile *btree_file_open(Relation index);

/* Adds an entry, which is above the one before it: the caller answers for that. */
extern void btree_file_add(BtreeFile *file, IndexTuple entry);

/* Adds rows of equal keys, in the order of their places, at most btree_file_most_rows(). The entry has the key. */
extern void btree_file_add_rows(BtreeFile *file, IndexTuple entry, ItemPointer rows, int nrows);

/* How many rows can be put together that have the key of an entry; 1 where this index does not put equal keys together. */
extern int btree_file_most_rows(const BtreeFile *file, IndexTuple entry);

/* Completes the index, and sees to it that it reaches the disk. */
extern void btree_file_close(BtreeFile *file);

#endif
