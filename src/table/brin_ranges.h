/*
 * brin_ranges.h
 *		Builds a BRIN index of a new table from the least and the greatest value of
 *		its pages, where these are known without reading it.
 */
#ifndef LEDGER_BRIN_RANGES_H
#define LEDGER_BRIN_RANGES_H

#include "common/ledger_engine.h"

#include "storage/block.h"
#include "utils/rel.h"

/* Takes the least and the greatest value of a page. */
typedef void (*TakeRange)(void *taker, BlockNumber block, Datum least, Datum greatest);

/* Calls take for each page that has rows, in the order of pages: the number of rows. */
typedef double (*RangeSource)(TakeRange take, void *taker, void *arg);

/* Does an index keep the least and the greatest value of this column alone? */
extern bool brin_ranges_fit(Relation table, Relation index, const char *column);

/* Fills an index that has a new file; the numbers of its entries and of the rows of the table. */
extern double
brin_ranges_fill(Relation table, Relation index, RangeSource source, void *arg, double *rows);

#endif
