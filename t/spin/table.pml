/*
 * The row protocol of the feature table (core/feature/mlops_table.h): a
 * writer that puts, removes, uses rows again and may be killed between any
 * two stores, what attaching repairs, and a reader.
 *
 * Small, but with everything that can go wrong: two keys of the same tag and
 * home, two rows, two buckets of one entry, keys and slots of two words.
 * Memory is sequentially consistent here; that release and acquire are enough
 * is argued in the header and watched by ThreadSanitizer.
 *
 * Asserted of a lookup: a copy that is accepted is whole, of the key that
 * was asked for, and not older than what was there when the lookup began; key
 * 1, which is never removed, is found once it was put, unless retries were
 * exhausted.
 *
 * With BROKEN=n a step is wrong, and the check has to fail:
 *
 * broken: 1  ctl is stored before the slot is filled
 * broken: 2  the reader does not look at ctl again
 * broken: 3  a removal sets the sequence back
 * broken: 4  the entry is stored before passed
 * broken: 5  a row changes hands while it is live
 * broken: 6  attaching counts passed down while an entry stands behind it
 */

#ifndef BROKEN
#define BROKEN 0
#endif

#define OPS      4
#define KILLS    2
#define RETRIES  2

#define LIVE     2
#define SLOT     1

#define value(k, v)      ((k) * 16 + (v))
#define key_of(w)        ((w) / 16)
#define version_of(w)    ((w) % 16)
#define next(c)          (((c) / 4 + 1) * 4)

byte  entry[2];             /* row + 1, 0: none */
byte  passed;               /* of bucket 0, the home of both keys */
byte  ctl[2];               /* of a row */
byte  key0[2];
byte  key1[2];
byte  word0[4];             /* of slot row * 2 + 0 or 1 */
byte  word1[4];

byte  newest[3];            /* of each key: the version that was put, ghost */
bit   there;                /* key 1 has been put, ghost */
byte  kills = KILLS;
bit   over;                 /* the reader is done: nothing more to see */


/* A store, or death. */

#define step(s)                                                               \
    if                                                                        \
    :: kills > 0 -> kills--; goto attach                                      \
    :: true -> s                                                              \
    fi

#define fill(w, k, v)                                                         \
    step(word0[w] = value(k, v));                                             \
    step(word1[w] = value(k, v))

/* What the writer reads is its own: no other process matters there. */

#define find(k)                                                               \
    atomic {                                                                  \
        r = 2;                                                                \
        if                                                                    \
        :: entry[0] != 0 && key0[entry[0] - 1] == k -> r = entry[0] - 1; b = 0\
        :: else                                                               \
        fi;                                                                   \
        if                                                                    \
        :: entry[1] != 0 && key0[entry[1] - 1] == k -> r = entry[1] - 1; b = 1\
        :: else                                                               \
        fi                                                                    \
    }


proctype writer()
{
    byte  k, r, b, w, version;

    r = 0; b = 0; w = 0; k = 0; version = 0;

again:

    do
    :: version < OPS && !over ->
        version++;

        if
        :: k = 1
        :: k = 2
        fi;

        find(k);

        if
        :: r != 2 && k == 2 -> goto remove
        :: r != 2 -> goto update
        :: r == 2 -> goto add
        fi

    :: break
    od;

    goto done;

update:

    w = r * 2 + 1 - (ctl[r] & SLOT);

#if BROKEN == 1
    step(ctl[r] = next(ctl[r]) + LIVE + (w & 1));
    fill(w, k, version);
    newest[k] = version;
#else
    fill(w, k, version);
    step(atomic { ctl[r] = next(ctl[r]) + LIVE + (w & 1);
                  newest[k] = version });
#endif

    goto again;

add:

    atomic {
        r = 2;
        if
        :: !(ctl[0] & LIVE) -> r = 0
        :: else ->
            if
            :: !(ctl[1] & LIVE) -> r = 1
            :: else
            fi
        fi
    }

#if BROKEN == 5

    /* the other key's row, if there is no room: it is still live */

    if
    :: k == 1 && entry[0] != 0 -> r = entry[0] - 1
    :: else
    fi;
#endif

    if
    :: r == 2 -> goto again
    :: else
    fi;

    step(key0[r] = k);
    step(key1[r] = k);

    w = r * 2 + 1 - (ctl[r] & SLOT);
    fill(w, k, version);
    step(ctl[r] = next(ctl[r]) + LIVE + (w & 1));

    if
    :: entry[0] == 0 -> b = 0
    :: else -> b = 1
    fi;

    if
    :: b == 1 && entry[1] != 0 -> goto again    /* with BROKEN only */
    :: else
    fi;

#if BROKEN == 4
    step(atomic { entry[b] = r + 1; newest[k] = version;
                  there = there || k == 1 });
    if
    :: b == 1 -> step(passed++)
    :: else
    fi;
#else
    if
    :: b == 1 -> step(passed++)
    :: else
    fi;
    step(atomic { entry[b] = r + 1; newest[k] = version;
                  there = there || k == 1 });
#endif

    goto again;

remove:

#if BROKEN == 3
    step(atomic { ctl[r] = 0; newest[k] = 0 });
#else
    step(atomic { ctl[r] = next(ctl[r]); newest[k] = 0 });
#endif
    step(entry[b] = 0);

    if
    :: b == 1 -> step(passed--)
    :: else
    fi;

    goto again;

    /* the next writer: entries of rows that are not live go, rows without an
     * entry are freed, passed is counted anew */

attach:

#if BROKEN == 6
    step(passed = 0);
#endif

    b = 0;

    do
    :: b < 2 ->
        if
        :: entry[b] != 0 && !(ctl[entry[b] - 1] & LIVE) -> step(entry[b] = 0)
        :: else
        fi;
        b++
    :: else -> break
    od;

    r = 0;

    do
    :: r < 2 ->
        if
        :: (ctl[r] & LIVE) && entry[0] != r + 1 && entry[1] != r + 1 ->
            step(ctl[r] = next(ctl[r]))
        :: else
        fi;
        r++
    :: else -> break
    od;

    step(passed = (entry[1] != 0 -> 1 : 0));

    goto again;

done:

    skip
}


proctype reader()
{
    byte  k, b, e, r, c, c2, w0, w1, tries, oldest;
    bit   had, exhausted;

    if
    :: k = 1
    :: k = 2
    fi;

    atomic {
        oldest = newest[k];
        had = (k == 1 && there)
    }

    b = 0;

    do
    :: b < 2 ->
        e = entry[b];
        tries = 0;

        do
        :: e == 0 || tries == RETRIES -> break
        :: else ->
            r = e - 1;
            c = ctl[r];

            if
            :: !(c & LIVE) -> break
            :: else
            fi;

            if
            :: key0[r] != k -> break
            :: else
            fi;

            if
            :: key1[r] != k -> break
            :: else
            fi;

            w0 = word0[r * 2 + (c & SLOT)];
            w1 = word1[r * 2 + (c & SLOT)];
            c2 = ctl[r];

            if
#if BROKEN == 2
            :: true ->
#else
            :: c2 == c ->
#endif
                assert(w0 == w1);
                assert(key_of(w0) == k);
                assert(k != 1 || version_of(w0) >= oldest);
                goto found

            :: else ->
                tries++;
                exhausted = exhausted || tries == RETRIES
            fi
        od;

        if
        :: b == 0 && passed == 0 -> break
        :: else
        fi;

        b++

    :: else -> break
    od;

    assert(!had || exhausted);

found:

    over = 1
}


init
{
    atomic {
        run writer();
        run reader()
    }
}
