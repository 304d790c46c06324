/*
 * copied_extent.h
 *		Extents of staging that are copied to partitions of a run's own, and
 *		their groups: what the copy and its seals share.
 */
#ifndef LEDGER_COPIED_EXTENT_H
#define LEDGER_COPIED_EXTENT_H

#include "common/ledger_engine.h"

#include "storage/block.h"

/* The longest code that an account of a group may have; lines of longer ones go row by row. */
#define MAX_GROUP_CODE 100

/* An extent of staging whose rows are lines of one month, account and fund. */
typedef struct CopiedExtent
{
	int64 first_je_id; /* of its first line */
	BlockNumber from;
	BlockNumber to;
	int32 group;
	bool left; /* set where it was not copied: a row does not belong there */
} CopiedExtent;

/* The extents of a group, which follow each other. */
typedef struct CopiedGroup
{
	int64 first;
	int64 count;
	bool sealed; /* set where the seals have its sections */
} CopiedGroup;

#endif
