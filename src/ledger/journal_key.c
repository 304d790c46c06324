/*
 * journal_key.c
 *		The codes of a journal's key (see journal_key.h).
 */
#include "ledger/journal_key.h"

#include "common/hashfn.h"

uint64
journal_books(Code entity, Code basis, Code currency)
{
	uint64 h = hash_bytes_extended((const unsigned char *) entity.data, entity.len, 1);

	h = hash_bytes_extended((const unsigned char *) basis.data, basis.len, h);
	return hash_bytes_extended((const unsigned char *) currency.data, currency.len, h);
}
