/*
 * book_seal.h
 *		What a seal says of the entries of one book: counts, sums by currency, and
 *		the roots of its two trees of sections.
 */
#ifndef LEDGER_BOOK_SEAL_H
#define LEDGER_BOOK_SEAL_H

#include "seal/section.h"

#include "nodes/pg_list.h"

typedef struct CurrencySum
{
	Code currency;
	Amount debit;
	Amount credit;
} CurrencySum;

typedef struct BookSeal
{
	Code entity;
	Code basis;
	int64 headers;
	int64 lines;
	int nsums;
	CurrencySum *sums; /* of lines, in the order of currencies */
	Sha256 header_root;
	Sha256 line_root;
	int nsections;
	SectionRecord **sections; /* those of headers first, in the order of the trees */
} BookSeal;

/* The books of sections (SectionRecord, in any order), by entity and basis (BookSeal). */
extern List *book_seals(List *sections, Hasher *hasher);

#endif
