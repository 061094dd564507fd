/*
 * The commit protocol of a prefix, for spin (https://spinroot.com): what installer/change/transaction.py, retention.py,
 * userdata.py and recovery/repair/replacement.py do, with crashes anywhere.
 *
 * A step has the name of the function that does it. `now` is what programs see, `disk` what has been synced: a power
 * cut leaves of each name one or the other. A kill ends the process alone. Trees of data are known by the release that
 * they were made for. A version is what a release was made from; versions 2 and 3 share a layout of the data, 1 has
 * another. A mutation is a macro that leaves out one thing; each must break an assertion (test_model.py).
 */
#ifndef COMMANDS
#define COMMANDS 3
#endif
#ifndef CRASHES
#define CRASHES 2
#endif
#ifndef DAMAGE
#define DAMAGE 1
#endif
#ifndef HOSTS
#define HOSTS 1
#endif
#ifndef LENGTH
#define LENGTH 0
#endif

#define MOST (COMMANDS + 2) /* releases are 1 .. MOST - 1 */
#define BESIDE 15           /* the place .ragtrace-data; 1 .. MOST - 1 are backups/data-of-<release> */
#ifndef START
#define START 1             /* the version that is there at first */
#endif
#define LAYOUT(version) ((version) > 1 -> 2 : 1)

/* the journal's commands */
#define IDLE 0
#define INSTALL 1
#define ROLLBACK 2
#define RECOVER 3

/* steps, by the functions that make them */
#define JOURNAL_WRITE 1
#define COPY_TREE 2
#define FILL_STORE 3
#define STAGE_ENVIRONMENT 4
#define MIGRATE 5
#define SEAL 6
#define MARK_COMPLETE 7
#define SWAP_IN 8
#define SET_CURRENT 9
#define SWAP_OUT 10
#define KEEP_PREVIOUS 11
#define REMEMBER_PREVIOUS 12
#define UNMARK 13
#define REMOVE 14

typedef Prefix {
    byte current;
    byte command, release, former, incoming, inode; /* the journal, which is replaced as one */
    byte previous;
    byte data, beside, aside[MOST];  /* which tree lies where */
    bool tree[MOST];                 /* all of a tree is there */
    bool begun[MOST], built[MOST], mark[MOST];
    bool stored[4];                  /* what the store has for a version */
};

Prefix now, disk;
byte version[MOST], layout[MOST];
byte used = 1;              /* the newest name of a release that was given: none is given twice */
bool hurt[MOST];            /* damaged since it was sealed */
byte commands = COMMANDS, crashes = CRASHES, damage = DAMAGE;
byte lock = 0;
byte was = 1, back = 0;     /* what the last command that ended left active, and where its way back leads */
#if LENGTH /* EXPECTED(at) is a trace of the real installer: the model follows it, or stops */
byte at = 0;
#endif

/* -- the disk ---------------------------------------------------------------------------------------------------- */

#define EITHER(name) if :: now.name != disk.name -> if :: now.name = disk.name :: disk.name = now.name fi :: else -> skip fi

inline sync_journal() { d_step {
    disk.command = now.command; disk.release = now.release; disk.former = now.former;
    disk.incoming = now.incoming; disk.inode = now.inode } }

inline sync_places() { d_step {
    disk.data = now.data; disk.beside = now.beside; n = 1;
    do :: n < MOST -> disk.aside[n] = now.aside[n]; n++ :: else -> break od; n = 0 } }

inline sync_filesystem() { d_step {
    disk.current = now.current; disk.previous = now.previous;
    disk.command = now.command; disk.release = now.release; disk.former = now.former;
    disk.incoming = now.incoming; disk.inode = now.inode;
    disk.data = now.data; disk.beside = now.beside; n = 1;
    do
    :: n < MOST ->
        disk.aside[n] = now.aside[n]; disk.tree[n] = now.tree[n]; disk.begun[n] = now.begun[n];
        disk.built[n] = now.built[n]; disk.mark[n] = now.mark[n]; n++
    :: else -> break
    od;
    n = 1; do :: n < 4 -> disk.stored[n] = now.stored[n]; n++ :: else -> break od; n = 0 } }

inline power_cut() {
    EITHER(current); EITHER(previous);
    if
    :: now.command == disk.command && now.release == disk.release && now.incoming == disk.incoming
    :: now.command != disk.command || now.release != disk.release || now.incoming != disk.incoming ->
       now.command = disk.command; now.release = disk.release; now.former = disk.former;
       now.incoming = disk.incoming; now.inode = disk.inode
    :: now.command != disk.command || now.release != disk.release || now.incoming != disk.incoming -> sync_journal()
    fi;
    if /* renames reach the disk in their order; those here are each synced before the next */
    :: now.data = disk.data; now.beside = disk.beside; n = 1;
       do :: n < MOST -> now.aside[n] = disk.aside[n]; n++ :: else -> break od
    :: sync_places()
    fi;
    n = 1;
    do
    :: n < MOST -> EITHER(tree[n]); EITHER(begun[n]); EITHER(built[n]); EITHER(mark[n]); n++
    :: else -> break
    od;
    n = 1; do :: n < 4 -> EITHER(stored[n]); n++ :: else -> break od; n = 0;
    always() }

/* -- what must hold ---------------------------------------------------------------------------------------------- */

/* At any instant: current names a whole release, and a mark vouches for all of its release. */
inline always() {
    n = 1;
    do :: n < MOST -> assert(!now.mark[n] || now.built[n]); n++ :: else -> break od; n = 0;
    assert(now.current && now.mark[now.current]) }

/* Between commands, once what a crash left is cleaned up. */
inline at_rest() {
    assert(now.command == IDLE && now.beside == 0);
    assert(now.tree[now.data] && layout[now.data] == LAYOUT(version[now.current]));
    assert(now.stored[version[now.current]]);
    n = 1;
    do :: n < MOST -> assert(!now.begun[n] || now.mark[n]); n++ :: else -> break od; n = 0;
    if
    :: now.current != was && version[now.current] != version[was] -> back = was
    :: else -> skip
    fi;
    was = now.current;
    previous_of(now.current);
    if /* the way back is never lost */
    :: back ->
        assert(found && version[found] == version[back] && now.mark[found]);
        assert(now.stored[version[found]]);
        if
        :: now.aside[found] -> assert(now.tree[now.aside[found]] && layout[now.aside[found]] == LAYOUT(version[found]))
        :: else -> assert(LAYOUT(version[found]) == LAYOUT(version[now.current]))
        fi
    :: else -> skip
    fi;
    found = 0 }

/* -- steps: before each the machine may stop ---------------------------------------------------------------------- */

inline stop_or_go() {
    if
    :: crashes -> crashes--; goto crash
    :: true
    fi }

#if LENGTH
inline told(name) { if :: at < LENGTH && EXPECTED(at) == name -> at++ :: else -> (false) fi }
#else
inline told(name) { skip }
#endif

#define DO(name, what) atomic { stop_or_go(); told(name); what; always() }
#define THEN(what) atomic { stop_or_go(); what }

inline journal_write(command_, release_, former_, incoming_, inode_) {
#ifndef NO_JOURNAL
    DO(JOURNAL_WRITE,
        now.command = command_; now.release = release_; now.former = former_;
        now.incoming = incoming_; now.inode = inode_);
#ifndef NO_SYNC_OF_JOURNAL
    THEN(sync_journal())
#endif
#else
    skip
#endif
}

inline place(where, tree_) { tree_ = (where == BESIDE -> now.beside : now.aside[where]) }

inline exchange(where) {
    THEN(sync_filesystem());
    DO((now.data == now.inode -> SWAP_OUT : SWAP_IN),
        if
        :: where == BESIDE -> n = now.beside; now.beside = now.data
        :: else -> n = now.aside[where]; now.aside[where] = now.data
        fi;
        now.data = n; n = 0);
#ifndef NO_SYNC_OF_DATA
    THEN(sync_places())
#endif
}

inline swap_in() { if :: now.incoming && now.data != now.inode -> exchange(now.incoming) :: else -> skip fi }

inline swap_out() {
#ifndef NO_SWAP_OUT
    if :: now.incoming && now.data == now.inode -> exchange(now.incoming) :: else -> skip fi;
#endif
    if :: now.incoming == BESIDE -> THEN(now.beside = 0) :: else -> skip fi }

inline set_current(release_) {
    DO(SET_CURRENT, now.current = release_);
#ifndef NO_SYNC_OF_CURRENT
    THEN(disk.current = now.current)
#endif
}

/* Put what came out of PREFIX/data aside for the release that it belongs to. */
inline keep_previous() {
    if
    :: now.incoming ->
        place(now.incoming, found);
        if
        :: found && now.incoming != now.former ->
            DO(KEEP_PREVIOUS,
                now.aside[now.former] = found;
                if :: now.incoming == BESIDE -> now.beside = 0 :: else -> now.aside[now.incoming] = 0 fi);
            THEN(sync_places())
        :: else -> skip
        fi;
        found = 0
    :: else -> skip
    fi }

inline remember_previous(release_, former_) {
    if
#ifndef KEEP_LAST
    :: former_ && (version[former_] == version[release_] || former_ == now.previous) -> skip
#endif
    :: else -> DO(REMEMBER_PREVIOUS, now.previous = former_); THEN(disk.previous = now.previous)
    fi }

/* found: where a rollback leads (retention.previous) */
#ifdef KEEP_LAST /* the release that was active before, though it is of the same version */
inline previous_of(this) { found = (now.previous && now.mark[now.previous] && now.previous != this -> now.previous : 0) }
#else
inline previous_of(this) {
    d_step {
        found = 0; n = 1;
        do /* the newest of another version */
        :: n < MOST ->
            if :: now.mark[n] && version[n] != version[this] -> found = n :: else -> skip fi; n++
        :: else -> break
        od;
        n = 1;
        do /* before it the newest of the remembered one's version */
        :: n < MOST ->
            if
            :: now.mark[n] && version[n] != version[this] && now.previous && version[n] == version[now.previous] ->
                found = n
            :: else -> skip
            fi;
            n++
        :: else -> break
        od;
        if
        :: now.previous && now.mark[now.previous] && version[now.previous] != version[this] -> found = now.previous
        :: else -> skip
        fi;
        n = 0 } }
#endif

inline unmark(release_) {
#ifndef NO_UNMARK
    if :: now.mark[release_] -> DO(UNMARK, now.mark[release_] = false) :: else -> skip fi;
    THEN(disk.mark[release_] = now.mark[release_])
#else
    skip
#endif
}

inline remove(release_) {
    unmark(release_);
    if
    :: now.begun[release_] ->
        DO(REMOVE, now.built[release_] = false);
        THEN(now.begun[release_] = false; now.mark[release_] = false)
    :: else -> skip
    fi }

inline collect() {
    previous_of(now.current); keep = found; found = 0; i = 1;
    do
    :: i < MOST ->
        if :: i != now.current && i != keep && now.begun[i] -> remove(i) :: else -> skip fi; i++
    :: else -> break
    od;
    THEN(i = 1;
        do
        :: i < MOST ->
            if :: i != now.current && i != keep -> now.aside[i] = 0 :: else -> skip fi; i++
        :: else -> break
        od;
        i = 1;
        do
        :: i < 4 ->
            if :: i != version[now.current] && !(keep && i == version[keep]) -> now.stored[i] = false :: else -> skip fi;
            i++
        :: else -> break
        od;
        i = 0; keep = 0) }

/* -- what a run leaves, whether it ended well, failed or was stopped: the same code mends it (transaction.resolve_entry) ------- */

inline complete_switch() {
#ifndef NO_SWAP_IN_AGAIN
    swap_in();
#endif
    keep_previous();
    remember_previous(now.release, now.former) }

inline resolve_entry() {
#ifndef NO_SYNC_BEFORE_UNDO
    if /* a kill may have come between set_current and its sync */
    :: what == IDLE || now.current != now.release -> THEN(disk.current = now.current)
    :: else -> skip
    fi;
#endif
    if
    :: now.current != now.release ->
        swap_out();
        if :: now.command != ROLLBACK -> remove(now.release) :: else -> skip fi
    :: else ->
        complete_switch();
        if :: now.command == RECOVER -> unmark(now.former) :: else -> skip fi
    fi;
    collect();
    journal_write(IDLE, 0, 0, 0, 0) }

inline resolve_interrupted() {
    if :: now.command != IDLE -> resolve_entry() :: else -> skip fi;
    if :: now.beside -> THEN(now.beside = 0) :: else -> skip fi;
    i = 1;
    do
    :: i < MOST -> if :: now.begun[i] && !now.mark[i] -> remove(i) :: else -> skip fi; i++
    :: else -> break
    od;
    i = 0 }

/* -- commands ------------------------------------------------------------------------------------------------------ */

inline seal(release_) {
#ifndef NO_SYNC_BEFORE_COMPLETE
    DO(SEAL, sync_filesystem());
#endif
    DO(MARK_COMPLETE, now.mark[release_] = true);
    THEN(disk.mark[release_] = true) }

/* build what the journal names; a step of it may fail */
inline build() {
    if
    :: LAYOUT(v) > LAYOUT(version[now.current]) ->
        DO(COPY_TREE, now.beside = r; now.tree[r] = false; layout[r] = LAYOUT(v));
        journal_write(now.command, r, now.former, BESIDE, r)
    :: else -> skip
    fi;
    if
    :: what == INSTALL -> DO(FILL_STORE, now.stored[v] = true)
    :: else -> skip
    fi;
    THEN(now.begun[r] = true);
    if :: true -> skip :: true -> goto done fi; /* a full disk, a package that does not work */
    DO(STAGE_ENVIRONMENT, now.built[r] = true);
    if :: now.incoming -> DO(MIGRATE, now.tree[r] = true) :: else -> skip fi;
    seal(r) }

proctype Host() {
    byte n = 0, i = 0, r = 0, v = 0, found = 0, keep = 0, what = IDLE;
    goto ended;

crash: /* killed, or the power went; whoever comes next begins anew */
    atomic { if :: skip :: power_cut() fi; if :: lock == _pid -> lock = 0 :: else -> skip fi };

ended:
    atomic { n = 0; i = 0; r = 0; v = 0; found = 0; keep = 0; what = IDLE };
#ifndef NO_LOCK
    atomic { lock == 0 -> lock = _pid };
#endif
done: /* here the block of a command is left too, with its journal: as after a crash, but for the lock */
    resolve_interrupted();
    atomic { at_rest() };
    if
    :: atomic { what != IDLE -> if :: lock == _pid -> lock = 0 :: else -> skip fi; goto ended }
    :: atomic { what == IDLE && commands -> commands-- }
    :: atomic { what == IDLE && !commands -> goto over }
    fi;
    atomic { if :: damage -> damage--; hurt[now.current] = true :: true fi };
    if
    :: atomic {
           v = 1; do :: v < 3 -> v++ :: break od;
           if
           :: v == version[now.current] && !hurt[now.current] -> goto none /* it is there already */
           :: LAYOUT(v) < LAYOUT(version[now.current]) -> goto none        /* the data are newer */
           :: else -> what = INSTALL
           fi }
    :: atomic { hurt[now.current] -> v = version[now.current]; what = RECOVER }
    :: atomic {
           previous_of(now.current); r = found; found = 0;
           if :: r == 0 || hurt[r] -> goto none :: else -> what = ROLLBACK fi }
    fi;
    atomic { if :: what != ROLLBACK -> used++; r = used; version[r] = v; hurt[r] = false :: else -> skip fi };
    journal_write(what, r, now.current, 0, 0);
    if
    :: what != ROLLBACK -> build()
    :: what == ROLLBACK && now.aside[r] -> journal_write(now.command, r, now.former, r, now.aside[r])
    :: what == ROLLBACK && !now.aside[r] -> skip
    fi;
#ifdef COLLECT_BEFORE_THE_COMMIT
    collect();
#endif
    swap_in();
    set_current(r);
    if /* does it work, seen from outside? */
    :: true -> goto done
    :: true -> set_current(now.former); swap_out(); goto done
    fi;
none:
    atomic { if :: lock == _pid -> lock = 0 :: else -> skip fi };
    goto ended;
over:
    lock = 0
#if LENGTH
    ; assert(at < LENGTH) /* an assertion that fails says that the whole trace is allowed */
#endif
}

init {
    atomic {
        now.current = 1; now.data = 1; now.tree[1] = true; version[1] = START; layout[1] = LAYOUT(START); now.stored[START] = true;
        now.begun[1] = true; now.built[1] = true; now.mark[1] = true;
        byte n = 0;
        sync_filesystem();
        run Host();
#if HOSTS > 1
        run Host()
#endif
    }
}
