/* The lock broker's protocol for one name: sessions and leases, recall, fencing, restart.
 *
 * What is modelled, what is left out, and which class does what: README.md. `check` compiles this
 * with the sizes below. Everything named FAULT_ is a mistake that the check must find.
 *
 * Time is a clock that may tick at any moment, whatever waits. That alone makes messages late and
 * processes stand still. All spans are in ticks.
 */

#ifndef CLIENTS
#define CLIENTS 2
#endif
#ifndef TTL
#define TTL 2                       /* a session's time to live */
#endif
#ifndef RESTARTS
#define RESTARTS 1                  /* of the broker, at most */
#endif
#ifdef FAULT_NO_GRACE
#define GRACE 0
#else
#define GRACE TTL
#endif

/* Modes of a lock; 0: none. With TEXTBOOK nobody asks for append. */
#define SHARED 1
#define APPEND 2
#define EXCLUSIVE 3
#define writes(mode) (mode >= APPEND)
#define compatible(a, b) (a == 0 || b == 0 || (a == SHARED && b != EXCLUSIVE) || \
                          (a == APPEND && b == SHARED))

/* --- A client: LockSession and the worker that uses it. */

#define OPENING 0                   /* no session */
#define OPEN 1
#define RECLAIMING 2                /* the broker is a new one; the old lease still counts */

byte state[CLIENTS];
byte lease[CLIENTS];                /* ticks left by its own clock; 0: over */
byte attached[CLIENTS];             /* life of the broker that welcomed it last */
byte held[CLIENTS];                 /* mode */
byte token[CLIENTS];                /* of the lock; kept while a write is under way */
byte wanted[CLIENTS];               /* mode that it waits for */
bool must_seal[CLIENTS];            /* granted after an unclean end and not sealed yet */

bool writing[CLIENTS];              /* it looked at its lease; the write comes at any time */

#define valid(c) (state[c] != OPENING && lease[c] > 0)

/* --- The network. Of heartbeats, hellos and their answers one frame is on its way for each
 * client, or none; it may be lost. The two ordered streams lose nothing within a session: what is
 * lost is sent again, so it is only late. */

#define NONE 0
#define HELLO_AGAIN 1               /* client to broker: the old session, please */
#define HEARTBEAT 2
#define WELCOME 3                   /* broker to client: only a new session */
#define WELCOME_BACK 4              /* broker to client: the old session lives on */
#define ACK 5
#define ENDED 6                     /* broker to client: that session is unknown here */

byte frame[CLIENTS];
byte frame_age[CLIENTS];            /* ticks since the client sent this, or what it answers */
byte frame_life[CLIENTS];           /* of the broker that it is for, or from */

/* Items of the streams. */
#define acquire(mode) (mode)        /* 1 to 3 */
#define RELEASE_CLEAN 4
#define RELEASE_AS_FOUND 5
#define convert_down(mode) (5 + mode) /* 6 and 7 */
#define grant(mode, after_clean_end) (mode + (after_clean_end -> 4 : 0))

#define RECLAIM 8                   /* 8 to 15; mode 0: no lock, only that the list is complete */
#define reclaim(mode, after_clean_end) (RECLAIM + grant(mode, after_clean_end))


/* Two items at most, the first in the low half. */
byte up[CLIENTS];
#define full(stream) (stream > 15)
#define append_item(stream, item) stream = (stream == 0 -> item : stream + 16 * (item))
#define take_item(stream) m = stream % 16; stream = stream / 16
/* A grant, then perhaps its recall. A recall that finds its lock released is dropped, here as soon
 * as the broker knows. Recalls matter to progress alone: without that, holders let go at any time
 * anyway. */
byte down[CLIENTS];
#ifdef PROGRESS
bool recall_down[CLIENTS];
bool recalled[CLIENTS];             /* it is told */
bool recalled_for[CLIENTS];         /* the broker has told it */
bool overdue[CLIENTS];              /* and waits for that too long: it is not renewed */
bool acted[CLIENTS], beaten[CLIENTS]; /* in this tick, while calm */
bool calm = false;                  /* from now on nothing is late, lost or stopped */
#define set(what, value) what = value
#ifdef FAULT_RENEWED_IN_SPITE_OF_RECALL
#define is_overdue(c) false
#else
#define is_overdue(c) overdue[c]
#endif
#else
#define set(what, value) skip
#define is_overdue(c) false
#define calm false
#endif

/* --- The broker: LockTable and LockService. All but `life` is lost when it dies. */

bool running = true;
byte life = 0;                      /* its epoch, on disk */
byte grace = 0;                     /* ticks left in which nothing is granted */
bool ended_clean = true;            /* the name's last writer */
byte last_token = 0;                /* drawn */

#define UNKNOWN 0
#define KNOWN 1
#define RECREATED 2                 /* its list of reclaims has not come in yet */
byte session[CLIENTS];
byte session_left[CLIENTS];         /* ticks until it may expire */
byte holder[CLIENTS];               /* mode */
byte holder_token[CLIENTS];
byte waiting[CLIENTS];              /* mode */
byte place[CLIENTS];                /* in the queue of those who wait; 1: first */

/* --- The resource: a file whose writers are fenced by their tokens. */

byte sealed_at = 0;                 /* writes below this token do not count */

/* --- Only the checks know these. */

byte highest_write = 0;             /* token of a write that counted */
byte highest_grant = 0;

#if CLIENTS == 2
#define free_for(mode) (compatible(holder[0], mode) && compatible(holder[1], mode))
#define first_waits_for(a) ((place[0] == 1 && !compatible(holder[a], waiting[0])) || \
                            (place[1] == 1 && !compatible(holder[a], waiting[1])))
#define conflicts conflict(0, 1)
#else
#define free_for(mode) (compatible(holder[0], mode) && compatible(holder[1], mode) && \
                        compatible(holder[2], mode))
#define first_waits_for(a) ((place[0] == 1 && !compatible(holder[a], waiting[0])) || \
                            (place[1] == 1 && !compatible(holder[a], waiting[1])) || \
                            (place[2] == 1 && !compatible(holder[a], waiting[2])))
#define conflicts (conflict(0, 1) || conflict(0, 2) || conflict(1, 2))
#endif
#define conflict(a, b) (valid(a) && valid(b) && !compatible(held[a], held[b]))

hidden byte i, v, m, low;
hidden byte used;

/* Tokens are compared, never counted. So they are kept by rank: a number that nobody has any more
 * is closed up. That makes the states finite and leaves the runs unlimited. */
inline squeeze_tokens() {
    low = highest_grant + 1;
    for (i : 0 .. CLIENTS - 1) {
        if :: token[i] != 0 && token[i] < low -> low = token[i] :: else fi;
        if :: holder_token[i] != 0 && holder_token[i] < low -> low = holder_token[i] :: else fi
    }
    if :: sealed_at <= low -> sealed_at = 0 :: else fi;
    if :: highest_write <= low -> highest_write = 0 :: else fi;
    v = 1;
    do
    :: v >= highest_grant -> break
    :: else ->
        used = (sealed_at == v || highest_write == v || last_token == v);
        for (i : 0 .. CLIENTS - 1) {
            used = used || token[i] == v || holder_token[i] == v
        }
        if
        :: used -> v++
        :: else ->
            if :: sealed_at > v -> sealed_at-- :: else fi;
            if :: highest_write > v -> highest_write-- :: else fi;
            if :: last_token > v -> last_token-- :: else fi;
            highest_grant--;
            for (i : 0 .. CLIENTS - 1) {
                if :: token[i] > v -> token[i]-- :: else fi;
                if :: holder_token[i] > v -> holder_token[i]-- :: else fi
            }
        fi
    od;
    skip
}

inline take_frame(c) {
    frame[c] = NONE; frame_age[c] = 0; frame_life[c] = 0
}
inline send_frame(c, what, to) {
    frame[c] = what; frame_age[c] = 0; frame_life[c] = to
}
inline answer(c, what) {            /* the age stays: a lease counts from what was sent */
    frame[c] = what; frame_life[c] = life
}

/* Nothing is held any more. A write under way is not undone: the process may be stopped just
 * before it, or be dead with the write on its way to the disk. */
inline lose(c) {
    state[c] = OPENING;
    lease[c] = 0;
    attached[c] = 0;
    held[c] = 0;
    set(recalled[c], false);
    set(recall_down[c], false);
#ifndef PROGRESS
    wanted[c] = 0;                  /* it may ask anew, or not */
#endif
    if
    :: !writing[c] -> token[c] = 0; must_seal[c] = false
    :: else
    fi;
    take_frame(c);
    down[c] = 0
}

inline leave_queue(c) {
    if
    :: place[c] != 0 ->
        for (i : 0 .. CLIENTS - 1) {
            if :: place[i] > place[c] -> place[i]-- :: else fi
        }
        waiting[c] = 0;
        place[c] = 0
    :: else
    fi
}
inline enter_queue(c, mode) {
    waiting[c] = mode;
    place[c] = 1;
    for (i : 0 .. CLIENTS - 1) {
        if :: i != c && place[i] >= place[c] -> place[c] = place[i] + 1 :: else fi
    }
}

inline forget_recall(c) {
    set(recalled_for[c], false);
    set(overdue[c], false)
}
inline let_go(c) {
    holder[c] = 0;
    forget_recall(c);
    if :: down[c] == 0 -> holder_token[c] = 0 :: else fi /* else the grant's on its way */
}
inline forget_session(c) {
    session[c] = UNKNOWN;
    session_left[c] = 0;
    let_go(c);
    leave_queue(c);
    up[c] = 0
}
/* Its locks go to others; a writer's ends uncleanly. */
inline end_session(c) {
    if :: writes(holder[c]) -> ended_clean = false :: else fi;
    forget_session(c)
}
inline open_session(c, how) {
    down[c] = 0;
    set(recall_down[c], false);
    forget_session(c);
    session[c] = how;
    session_left[c] = TTL
}

/* Grants what can be granted, in order, and recalls who is in the way. */
inline settle() {
    do
    :: grace == 0 && place[0] == 1 && free_for(waiting[0]) -> give(0)
    :: grace == 0 && place[1] == 1 && free_for(waiting[1]) -> give(1)
#if CLIENTS > 2
    :: grace == 0 && place[2] == 1 && free_for(waiting[2]) -> give(2)
#endif
    :: else -> break
    od;
#ifdef PROGRESS
    for (v : 0 .. CLIENTS - 1) {
        if
        :: grace == 0 && !recalled_for[v] && first_waits_for(v) ->
#ifndef FAULT_NEVER_RECALLED
            recalled_for[v] = true;
            recall_down[v] = true
#else
            skip
#endif
        :: else
        fi
    }
#endif
    squeeze_tokens()
}
inline give(to) {
    m = waiting[to];
    leave_queue(to);
    last_token++;
    /* Of two grants of a name the later has the higher token. */
    assert(last_token > highest_grant);
    highest_grant = last_token;
    holder[to] = m;
    holder_token[to] = last_token;
    down[to] = grant(m, ended_clean)
}

inline count_lease(c) {
#ifdef FAULT_LEASE_FROM_RECEIPT
    v = TTL;
#else
    v = (frame_age[c] < TTL -> TTL - frame_age[c] : 0);
#endif
#ifdef FAULT_CLOCKS_BEYOND_MARGIN
    if :: v > 0 -> v++ :: else fi;
#endif
    if :: v > lease[c] -> lease[c] = v :: else fi
}

/* What is sent to a dead broker, or for a session that the broker does not know, has no effect. */
#define reaches(c) (running && attached[c] == life && session[c] != UNKNOWN)
#define may_push(c) (!reaches(c) || !full(up[c]))
inline push(c, item) {
    if :: reaches(c) -> append_item(up[c], item) :: else fi
}

inline release(c) {
    if
    :: must_seal[c] -> push(c, RELEASE_AS_FOUND)
    :: else -> push(c, RELEASE_CLEAN)
    fi;
    held[c] = 0; token[c] = 0; must_seal[c] = false;
    set(recalled[c], false);
    squeeze_tokens()
}

/* While it is calm, all that can happen happens before the clock ticks; so that this ends, each
 * client asks for one lock and sends one heartbeat in a tick, and lets go only when recalled. */
#ifdef PROGRESS
#define may_act(c) (!calm || !acted[c])
#define may_beat(c) (!calm || !beaten[c])
#define acts(c) acted[c] = calm
#define beats(c) beaten[c] = calm
#ifdef STUBBORN                     /* the last client does not let go: it is left to expire */
#define lets_go(c) (!calm || (recalled[c] && c < CLIENTS - 1))
#else
#define lets_go(c) (!calm || recalled[c])
#endif
#else
#define may_act(c) true
#define may_beat(c) true
#define acts(c) skip
#define beats(c) skip
#define lets_go(c) true
#endif

active [CLIENTS] proctype Client() {
    byte c = _pid;
end:
    do
    /* A new session. In one step: nothing is held yet, so a hello or welcome that is late only
     * makes the lease shorter, and a lease may end early anyway. It waits while an older session
     * of the client holds the lock: that is no different from another client's. */
    :: d_step { !writing[c] && state[c] == OPENING && running && holder[c] == 0 ->
           open_session(c, KNOWN);
           state[c] = OPEN;
           attached[c] = life;
           count_lease(c);
           if :: wanted[c] != 0 -> push(c, acquire(wanted[c])) :: else fi;
           settle() }
    /* The old one. */
    :: d_step { !writing[c] && state[c] == RECLAIMING &&
                (frame[c] == NONE || (frame[c] == HELLO_AGAIN && frame_age[c] > 0)) ->
           send_frame(c, HELLO_AGAIN, 0) }
    :: d_step { !writing[c] && state[c] == OPEN && frame[c] == NONE && lease[c] < TTL &&
                may_beat(c) ->
           beats(c);
           send_frame(c, HEARTBEAT, attached[c]) }
    :: d_step { !writing[c] && frame[c] == ACK ->
           if :: frame_life[c] == attached[c] -> count_lease(c) :: else fi;
           take_frame(c) }
    :: d_step { !writing[c] && frame[c] == ENDED ->
           if
           :: state[c] == OPEN && frame_life[c] > attached[c] ->
               state[c] = RECLAIMING; take_frame(c)
           :: state[c] == OPEN && frame_life[c] == attached[c] -> lose(c)
           :: else -> take_frame(c)
           fi }
    :: d_step { !writing[c] && frame[c] == WELCOME -> lose(c) }
    :: d_step { !writing[c] && frame[c] == WELCOME_BACK ->
           if
           :: state[c] == RECLAIMING ->
               state[c] = OPEN;
               attached[c] = frame_life[c];
#ifdef FAULT_WELCOME_BACK_RENEWS
               count_lease(c);
#endif
               set(recalled[c], false);
               push(c, reclaim(held[c], !must_seal[c]));
#ifndef FAULT_WAITING_FORGOTTEN
               if :: wanted[c] != 0 -> push(c, acquire(wanted[c])) :: else fi
#endif
           :: else
           fi;
           take_frame(c) }
    /* Its process dies; or it ends its lease early, as its clock runs fast. */
    :: d_step { !calm && state[c] != OPENING -> lose(c); squeeze_tokens() }

    /* The lock. */
    :: d_step { !writing[c] && state[c] == OPEN && held[c] == 0 && wanted[c] == 0 &&
                may_push(c) && may_act(c) ->
           acts(c); wanted[c] = SHARED; push(c, acquire(SHARED)) }
#ifndef TEXTBOOK
    :: d_step { !writing[c] && state[c] == OPEN && held[c] == 0 && wanted[c] == 0 &&
                may_push(c) && may_act(c) ->
           acts(c); wanted[c] = APPEND; push(c, acquire(APPEND)) }
    :: d_step { !writing[c] && state[c] != OPENING && writes(held[c]) && !must_seal[c] &&
                may_push(c) && !calm ->
           held[c] = held[c] - 1;
           set(recalled[c], false);
           push(c, convert_down(held[c])) }
#endif
    :: d_step { !writing[c] && state[c] == OPEN && held[c] == 0 && wanted[c] == 0 &&
                may_push(c) && may_act(c) ->
           acts(c); wanted[c] = EXCLUSIVE; push(c, acquire(EXCLUSIVE)) }
    :: d_step { !writing[c] && state[c] != OPENING && down[c] != 0 ->
           held[c] = down[c] % 4;
           must_seal[c] = (writes(held[c]) && down[c] < 4);
           token[c] = holder_token[c];
           wanted[c] = 0;
           down[c] = 0;
           /* The promise. Only here it could be broken: elsewhere nobody comes to hold more. */
           assert(!conflicts) }
#ifdef PROGRESS
    :: d_step { state[c] != OPENING && down[c] == 0 && recall_down[c] ->
           recall_down[c] = false;
           recalled[c] = (held[c] != 0) }
#endif
    :: d_step { !writing[c] && state[c] != OPENING && held[c] != 0 && may_push(c) &&
                lets_go(c) ->
           release(c) }
#ifndef PROGRESS
    /* Work under the lock: look at the lease, seal if need be, write, look again, acknowledge. */
    :: d_step { !writing[c] && writes(held[c]) && valid(c) -> writing[c] = true }
    :: d_step { writing[c] && must_seal[c] ->
           must_seal[c] = false;
           if :: token[c] > sealed_at -> sealed_at = token[c] :: else fi;
           squeeze_tokens() }
    :: d_step { writing[c] && !must_seal[c] ->
           writing[c] = false;
           if
           :: token[c] < sealed_at ->
               /* It does not count, so it must not be acknowledged. */
               assert(!valid(c) || held[c] == 0)
           :: else ->
               /* Fencing: after a write under one token none under a lower one counts. */
               assert(token[c] >= highest_write);
               highest_write = token[c]
           fi;
           if :: held[c] == 0 -> token[c] = 0 :: else fi;
           squeeze_tokens() }
#endif
    od
}

/* What the broker does for one client. */
active [CLIENTS] proctype Broker() {
    byte c = _pid - CLIENTS;
end:
    do
    /* Frames. */
#ifdef FAULT_RECLAIM_AFTER_GRACE
    :: d_step { running && frame[c] == HELLO_AGAIN ->
#else
    :: d_step { running && frame[c] == HELLO_AGAIN && grace == 0 -> answer(c, WELCOME) }
    :: d_step { running && frame[c] == HELLO_AGAIN && grace > 0 ->
#endif
           if
           :: session[c] == UNKNOWN -> open_session(c, RECREATED)
           :: else -> session_left[c] = TTL
           fi;
           answer(c, WELCOME_BACK) }
    :: d_step { running && frame[c] == HEARTBEAT ->
           if
           :: session[c] == UNKNOWN || frame_life[c] != life -> answer(c, ENDED)
           :: else ->
               if
               :: is_overdue(c) -> take_frame(c)
#ifndef FAULT_WELCOME_BACK_RENEWS   /* the client does not count what comes before its list is in */
               :: session[c] == RECREATED -> session_left[c] = TTL; take_frame(c)
#endif
               :: else -> session_left[c] = TTL; answer(c, ACK)
               fi
           fi }
    /* Items of the stream. */
    :: d_step { running && up[c] != 0 ->
           take_item(up[c]);
           if
#ifndef FAULT_RECLAIM_AFTER_GRACE
           :: m >= RECLAIM && grace == 0 -> end_session(c)
           :: m >= RECLAIM && grace > 0 ->
#else
           :: m >= RECLAIM ->
#endif
               m = m - RECLAIM;
               session[c] = KNOWN;
               /* Of two that conflict neither could be believed. It never comes to that. */
               assert(free_for(m % 4));
               holder[c] = m % 4;
               if :: holder[c] != 0 -> holder_token[c] = token[c] :: else fi;
#ifdef FAULT_RECLAIM_COUNTS_AS_CLEAN
               if :: writes(holder[c]) -> ended_clean = true :: else fi
#else
               if :: writes(holder[c]) -> ended_clean = (m > 3) :: else fi
#endif
           :: m == RELEASE_CLEAN ->
               if :: writes(holder[c]) -> ended_clean = true :: else fi;
               let_go(c)
           :: m == RELEASE_AS_FOUND -> let_go(c)
           :: m == convert_down(SHARED) || m == convert_down(APPEND) ->
               ended_clean = true;
               holder[c] = m - convert_down(0);
               forget_recall(c)
           :: m <= EXCLUSIVE -> enter_queue(c, m)
           fi;
           settle() }
    /* Time. It may be late, never early. */
    :: d_step { running && session[c] != UNKNOWN && session_left[c] == 0 ->
           end_session(c);
           settle() }
#ifdef FAULT_GRANT_BEFORE_EXPIRY    /* a silent holder that somebody waits for is taken for dead */
    :: d_step { running && session_left[c] < TTL && first_waits_for(c) ->
           end_session(c);
           settle() }
#endif
    od
}

/* The broker's process, and the clock. */
active proctype World() {
end:
    do
#if RESTARTS > 0
    :: d_step { running && life < RESTARTS && !calm ->
           running = false;
           grace = 0;
           ended_clean = false;
           for (v : 0 .. CLIENTS - 1) {
               session[v] = UNKNOWN;
               session_left[v] = 0;
               holder[v] = 0;
               waiting[v] = 0;
               place[v] = 0;
               forget_recall(v);
               up[v] = 0;
               if :: down[v] == 0 -> holder_token[v] = 0 :: else fi
           };
           skip }
    :: d_step { !running ->
           running = true;
           life++;                  /* made durable first */
           grace = GRACE;
#ifdef FAULT_TOKENS_AGAIN
           last_token = 0
#else
           last_token = highest_grant /* the epoch is a token's high half: above all before */
#endif
           }
#endif
    /* A frame is lost. */
    :: d_step { !calm && frame[0] != NONE -> take_frame(0) }
    :: d_step { !calm && frame[1] != NONE -> take_frame(1) }
#if CLIENTS > 2
    :: d_step { !calm && frame[2] != NONE -> take_frame(2) }
#endif
#ifdef PROGRESS
    :: d_step { !calm -> calm = true }
    :: d_step { !calm || timeout ->
#else
    :: d_step { true ->
#endif
           if :: grace > 0 -> grace--; if :: grace == 0 -> settle() :: else fi :: else fi;
           for (v : 0 .. CLIENTS - 1) {
#ifdef PROGRESS
               acted[v] = false;
               beaten[v] = false;
               if :: calm && recalled_for[v] -> overdue[v] = true :: else fi;
#endif
               if :: session_left[v] > 0 -> session_left[v]-- :: else fi;
               if :: frame[v] != NONE && frame_age[v] < TTL -> frame_age[v]++ :: else fi;
               if
               :: lease[v] > 0 ->
                   lease[v]--;
                   if :: lease[v] == 0 -> lose(v) :: else fi
               :: else
               fi
           };
           skip }
    od
}

#ifdef PROGRESS
/* Who waits is served, once nothing is late, lost or stopped any more. */
ltl served { [] ((calm && wanted[0] != 0) -> <> (wanted[0] == 0)) }
#endif
