/*
 * evidence.h
 *		What helps to find where the ledger differs from a seal.
 *
 * It is a string of bytes, cut into parts, which are rows of
 * acct.ledger_seal_evidence. It begins with EVIDENCE_MAGIC, the number of
 * sections and their data, each with its length (32 bits); then come the blocks
 * of the first section, of the second, and so on: of each section the heads of
 * all blocks, then what tells their rows apart (section.h). So the place of each
 * block can be computed, and a proof reads the heads of one section. Nothing is
 * proved by evidence: what it says of a section counts only as far as it leads
 * to the roots in the seal.
 */
#ifndef LEDGER_EVIDENCE_H
#define LEDGER_EVIDENCE_H

#include "seal/book_seal.h"
#include "seal/spool.h"

/* Evidence of another form, with other places or checksums, is taken as none. */
#define EVIDENCE_MAGIC "LEe2"

/* Bytes of a part; the last one has fewer. */
#define EVIDENCE_PART (256 * 1024)

/* Writes the evidence of a seal, whose blocks are in a spool. Needs query_open(). */
extern void evidence_write(int64 seal_id, const BookSeal *book, Spool *spool);

/* A section, as evidence has it. */
typedef struct EvidenceSection
{
	SectionRecord record; /* without blocks; entity and basis are empty */
	int64 place;          /* of its first block */
} EvidenceSection;

typedef struct Evidence
{
	int64 seal_id;
	int nsections;
	EvidenceSection *sections;
	int32 part_no; /* of the part at hand; 0: none */
	StringInfoData part;
} Evidence;

/*
 * Reads the sections of a seal's evidence, in the current memory context; NULL where there is none, or where it is damaged, so
 * that it is of no use. Needs query_open().
 */
extern Evidence *evidence_open(int64 seal_id);

/* Reads the head of a block of a section, from 0, or what tells its rows apart; false where it is missing. */
extern bool evidence_head(Evidence *evidence, int section, int64 number, SectionBlock *block);
extern bool evidence_rows(Evidence *evidence, int section, int64 number, SectionBlock *block);

#endif
