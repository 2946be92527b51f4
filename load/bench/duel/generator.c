/* Load of the media duel: many participants' RTP over SRTP, and a strict account of what returns.
 *
 * Connections are made and keyed by Python (real ICE and DTLS); this process inherits their
 * sockets.  It sends 50 audio and 150 video packets a second for each sending connection, answers
 * PLI with a key frame, reports reception each second and arrival (transport-wide) each 100 ms,
 * and repeats a valid connectivity check each 2 s.
 *
 * Standard input, one line each:
 *   run <warm-up ms> <measured ms> <pid of the server>
 *   conn <fd> <gcm|cm> <tx key+salt hex> <rx key+salt hex> <check hex or -> <sends 0|1>
 *        <audio ssrc> <audio pt> <audio mid> <video ssrc> <video pt> <video mid>
 *        <mid id> <level id> <twcc id> <rx audio pt> <rx video pt> <rx twcc id>
 * Standard output: one JSON object.  All times are of CLOCK_REALTIME; arrival is the kernel's.
 *
 * The last 16 bytes of each payload are (stream, number, sending instant in ns); one packet in 16
 * is decrypted to read them.  Loss is counted from the sequence numbers of every packet.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <srtp2/srtp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "machine.h"

enum {
    CONNS_MAX = 2048, SOURCES_MAX = 32, DELAYS_MAX = 1 << 21, SLOTS = 2000, BATCH = 32,
    ROOM = 2048, TWCC_MAX = 512, AUDIO_BYTES = 80, VIDEO_BYTES = 1050, TRAILER = 16
};
static const int64_t SLOT_NS = 500000;

typedef struct { uint32_t ssrc; int64_t first, highest, received, at_start, received_at_start; } Source;
typedef struct {
    int fd, sends, rx_audio_pt, rx_video_pt, rx_twcc, mid_id, level_id, twcc_id, check_len;
    uint32_t ssrc[2], number[2], timestamp[2];
    int pt[2];
    char mid[2][8];
    uint16_t seq[2], twcc_seq;
    int picture, wants_key;
    uint8_t check[512];
    srtp_t tx, rx;
    Source sources[SOURCES_MAX];
    int n_sources;
    int64_t arrivals[TWCC_MAX];      /* by transport sequence number; 0: not here */
    int32_t twcc_base, twcc_next;    /* first unreported, one past the highest seen; -1: none */
    uint8_t twcc_count;
} Conn;
typedef struct { int conn, is_video, index; } Event;

static Conn *conns;
static int n_conns;
static Event *wheel[SLOTS];
static int wheel_len[SLOTS];
static uint32_t *delays_us, *late_us;
static long n_delays, n_late;
static long sent, received, blocked, undecipherable, others, plis;
static int measuring;

static int unhex(const char *text, uint8_t *out, int most) {
    int n = strlen(text) / 2;
    if (n > most) fail("too long");
    for (int i = 0; i < n; i++) { unsigned byte; if (sscanf(text + 2 * i, "%2x", &byte) != 1) fail("hex"); out[i] = byte; }
    return n;
}

static srtp_t session(const char *profile, const char *hex, srtp_ssrc_type_t type) {
    static uint8_t key[64];
    srtp_policy_t policy;
    srtp_t made;
    memset(&policy, 0, sizeof policy);
    unhex(hex, key, sizeof key);
    srtp_profile_t number = strcmp(profile, "gcm") ? srtp_profile_aes128_cm_sha1_80 : srtp_profile_aead_aes_128_gcm;
    srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, number);
    srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, number);
    policy.ssrc.type = type;
    policy.key = key;
    policy.window_size = 8192;
    policy.allow_repeat_tx = 1;
    if (srtp_create(&made, &policy) != srtp_err_status_ok) fail("srtp session");
    return made;
}

static int put_extension(const Conn *c, int is_video, uint16_t twcc, uint8_t *at) {
    uint8_t *from = at + 4;
    int n = strlen(c->mid[is_video]);
    if (c->mid_id) { *from++ = c->mid_id << 4 | (n - 1); memcpy(from, c->mid[is_video], n); from += n; }
    if (!is_video && c->level_id) { *from++ = c->level_id << 4; *from++ = 40; }
    if (c->twcc_id) { *from++ = c->twcc_id << 4 | 1; *from++ = twcc >> 8; *from++ = twcc & 255; }
    while ((from - at) % 4) *from++ = 0;
    int words = (from - at) / 4 - 1;
    at[0] = 0xBE; at[1] = 0xDE; at[2] = words >> 8; at[3] = words & 255;
    return from - at;
}

static void send_rtp(Conn *c, int is_video, int index) {
    uint8_t p[ROOM];
    int is_first = index == 0, is_last = index == 4, is_key = 0;
    uint16_t seq = c->seq[is_video]++;
    if (is_video && is_first) {
        c->picture = (c->picture + 1) & 0x7FFF;
        c->timestamp[1] += 3000;
        is_key = c->wants_key || c->picture % 60 == 1;
        if (is_key) c->wants_key = 0;
    } else if (!is_video) c->timestamp[0] += 960;
    p[0] = 0x90;
    p[1] = c->pt[is_video] | (is_video && is_last ? 0x80 : 0);
    p[2] = seq >> 8; p[3] = seq & 255;
    uint32_t word = htonl(c->timestamp[is_video]);
    memcpy(p + 4, &word, 4);
    word = htonl(c->ssrc[is_video]);
    memcpy(p + 8, &word, 4);
    int at = 12 + put_extension(c, is_video, c->twcc_seq++, p + 12);
    int payload = is_video ? VIDEO_BYTES : AUDIO_BYTES;
    memset(p + at, 0x5A, payload);
    if (is_video) {
        p[at] = is_first ? 0x90 : 0x80; p[at + 1] = 0xE0;
        p[at + 2] = 0x80 | c->picture >> 8; p[at + 3] = c->picture & 255;
        p[at + 4] = c->picture & 255; p[at + 5] = 0;
        static const uint8_t key[] = {0x10, 2, 0, 0x9D, 1, 0x2A, 0x80, 2, 0x68, 1};
        p[at + 6] = 0x11;
        if (is_key) memcpy(p + at + 6, key, sizeof key);
    } else p[at] = 0xFC;
    int64_t instant = now_ns();
    uint32_t stream = c->ssrc[is_video], number = c->number[is_video]++;
    uint8_t *end = p + at + payload;
    memcpy(end - 16, &stream, 4); memcpy(end - 12, &number, 4); memcpy(end - 8, &instant, 8);
    int length = at + payload;
    if (srtp_protect(c->tx, p, &length) != srtp_err_status_ok) fail("protect");
    if (send(c->fd, p, length, 0) < 0) { blocked++; return; }
    if (measuring) sent++;
}

static void send_rtcp(Conn *c, uint8_t *p, int length) {
    if (srtp_protect_rtcp(c->tx, p, &length) == srtp_err_status_ok) (void)!send(c->fd, p, length, 0);
}

static void put32(uint8_t *at, uint32_t value) { value = htonl(value); memcpy(at, &value, 4); }

static void report(Conn *c) {
    uint8_t p[ROOM];
    int blocks = c->n_sources < 24 ? c->n_sources : 24;
    p[0] = 0x80 | blocks; p[1] = 201; p[2] = 0; p[3] = 1 + 6 * blocks;
    put32(p + 4, c->ssrc[0] ? c->ssrc[0] : 0x42);
    for (int i = 0; i < blocks; i++) {
        uint8_t *b = p + 8 + 24 * i;
        memset(b, 0, 24);
        put32(b, c->sources[i].ssrc);
        put32(b + 8, (uint32_t)c->sources[i].highest);
    }
    send_rtcp(c, p, 8 + 24 * blocks);
}

/* Transport-wide feedback: draft-holmer-rmcat-transport-wide-cc-extensions-01, two-bit symbols. */
static void feedback(Conn *c) {
    uint8_t p[ROOM], deltas[TWCC_MAX * 2];
    if (c->twcc_next < 0 || c->twcc_base == c->twcc_next) return;
    int count = (uint16_t)(c->twcc_next - c->twcc_base), n_deltas = 0, at = 20, symbols[TWCC_MAX + 7] = {0};
    if (count > 400) count = 400;
    int64_t reference = 0, last = 0;
    for (int i = 0; i < count; i++) {
        int64_t arrived = c->arrivals[(c->twcc_base + i) % TWCC_MAX];
        if (!arrived) continue;
        if (!reference) { reference = arrived / 64000000; last = reference * 64000000; }
        int64_t ticks = (arrived - last) / 250000;
        last += ticks * 250000;
        if (ticks >= 0 && ticks < 256) { symbols[i] = 1; deltas[n_deltas++] = ticks; }
        else { symbols[i] = 2; deltas[n_deltas++] = ticks >> 8; deltas[n_deltas++] = ticks; }
    }
    p[0] = 0x8F; p[1] = 205;
    put32(p + 4, c->ssrc[0] ? c->ssrc[0] : 0x42);
    put32(p + 8, c->n_sources ? c->sources[0].ssrc : 0);
    p[12] = c->twcc_base >> 8; p[13] = c->twcc_base; p[14] = count >> 8; p[15] = count;
    p[16] = reference >> 16; p[17] = reference >> 8; p[18] = reference; p[19] = c->twcc_count++;
    for (int i = 0; i < count; i += 7) {
        int chunk = 0xC000;
        for (int j = 0; j < 7; j++) chunk |= symbols[i + j] << (12 - 2 * j);
        p[at++] = chunk >> 8; p[at++] = chunk;
    }
    memcpy(p + at, deltas, n_deltas);
    at += n_deltas;
    while (at % 4) p[at++] = 0;
    p[2] = (at / 4 - 1) >> 8; p[3] = at / 4 - 1;
    for (int i = 0; i < count; i++) c->arrivals[(c->twcc_base + i) % TWCC_MAX] = 0;
    c->twcc_base = (c->twcc_base + count) & 0xFFFF;
    send_rtcp(c, p, at);
}

static void note_twcc(Conn *c, const uint8_t *p, int length, int64_t arrived) {
    if (!(p[0] & 0x10) || !c->rx_twcc) return;
    int at = 12 + 4 * (p[0] & 15), end = at + 4 + 4 * (p[at + 2] << 8 | p[at + 3]);
    if (end > length) return;
    for (at += 4; at < end;) {
        int id = p[at] >> 4, n = (p[at] & 15) + 1;
        if (!p[at]) { at++; continue; }
        if (id == c->rx_twcc && n == 2) {
            int seq = p[at + 1] << 8 | p[at + 2];
            if (c->twcc_next < 0) c->twcc_base = c->twcc_next = seq;
            if ((int16_t)(seq - c->twcc_next) >= 0) c->twcc_next = (seq + 1) & 0xFFFF;
            c->arrivals[seq % TWCC_MAX] = arrived;
            return;
        }
        at += 1 + n;
    }
}

static Source *source_of(Conn *c, uint32_t ssrc, int seq) {
    for (int i = 0; i < c->n_sources; i++) if (c->sources[i].ssrc == ssrc) return &c->sources[i];
    if (c->n_sources == SOURCES_MAX) fail("too many sources");
    Source *s = &c->sources[c->n_sources++];
    *s = (Source){.ssrc = ssrc, .first = seq, .highest = seq - 1};
    s->at_start = measuring ? seq - 1 : 0;
    return s;
}

static void on_rtp(Conn *c, uint8_t *p, int length, int64_t arrived) {
    int pt = p[1] & 0x7F, seq = p[2] << 8 | p[3];
    uint32_t ssrc;
    note_twcc(c, p, length, arrived);
    if (pt != c->rx_audio_pt && pt != c->rx_video_pt) { others++; return; }
    memcpy(&ssrc, p + 8, 4);
    Source *s = source_of(c, ntohl(ssrc), seq);
    s->highest += (int16_t)(seq - (uint16_t)s->highest) > 0 ? (int16_t)(seq - (uint16_t)s->highest) : 0;
    s->received++;
    if (measuring) received++;
    if (seq & 15) return;
    if (srtp_unprotect(c->rx, p, &length) != srtp_err_status_ok) { undecipherable++; return; }
    int64_t instant;
    memcpy(&instant, p + length - 8, 8);
    if (measuring && n_delays < DELAYS_MAX) delays_us[n_delays++] = arrived > instant ? (arrived - instant) / 1000 : 0;
}

static void on_rtcp(Conn *c, uint8_t *p, int length) {
    if (srtp_unprotect_rtcp(c->rx, p, &length) != srtp_err_status_ok) { undecipherable++; return; }
    for (int at = 0; at + 4 <= length; at += 4 + 4 * (p[at + 2] << 8 | p[at + 3]))
        if (p[at + 1] == 206 && ((p[at] & 31) == 1 || (p[at] & 31) == 4)) { c->wants_key = 1; plis++; }
}

static void receive(Conn *c) {
    static uint8_t data[BATCH][ROOM], control[BATCH][64];
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){data[i], ROOM};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1, .msg_control = control[i], .msg_controllen = sizeof control[i]};
    }
    int n = recvmmsg(c->fd, messages, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++) {
        int length = messages[i].msg_len;
        int64_t arrived = now_ns();
        for (struct cmsghdr *m = CMSG_FIRSTHDR(&messages[i].msg_hdr); m; m = CMSG_NXTHDR(&messages[i].msg_hdr, m))
            if (m->cmsg_level == SOL_SOCKET && m->cmsg_type == SO_TIMESTAMPNS) {
                struct timespec t;
                memcpy(&t, CMSG_DATA(m), sizeof t);
                arrived = (int64_t)t.tv_sec * SECOND_NS + t.tv_nsec;
            }
        if (length < 12 || data[i][0] < 128 || data[i][0] > 191) continue;
        if (data[i][1] >= 192 && data[i][1] <= 223) on_rtcp(c, data[i], length);
        else on_rtp(c, data[i], length, arrived);
    }
}

static void plan(int slot, Event event) {
    slot %= SLOTS;
    wheel[slot] = realloc(wheel[slot], (wheel_len[slot] + 1) * sizeof(Event));
    wheel[slot][wheel_len[slot]++] = event;
}

static void read_conn(char *line) {
    char profile[8], tx[256], rx[256], check[1100];
    Conn *c = &conns[n_conns];
    memset(c, 0, sizeof *c);
    c->twcc_next = -1;
    if (sscanf(line, "conn %d %7s %255s %255s %1099s %d %u %d %7s %u %d %7s %d %d %d %d %d %d", &c->fd, profile, tx, rx,
               check, &c->sends, &c->ssrc[0], &c->pt[0], c->mid[0], &c->ssrc[1], &c->pt[1], c->mid[1], &c->mid_id,
               &c->level_id, &c->twcc_id, &c->rx_audio_pt, &c->rx_video_pt, &c->rx_twcc) != 18) fail("conn line");
    c->tx = session(profile, tx, ssrc_any_outbound);
    c->rx = session(profile, rx, ssrc_any_inbound);
    c->check_len = strcmp(check, "-") ? unhex(check, c->check, sizeof c->check) : 0;
    c->wants_key = 1;
    int yes = 1, size = 4 << 20;
    setsockopt(c->fd, SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof yes);
    setsockopt(c->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    if (c->sends) {
        int phase = (n_conns * 977) % SLOTS;
        for (int k = 0; k < 50; k++) plan(phase + k * 40, (Event){n_conns, 0, 0});
        for (int k = 0; k < 30; k++)
            for (int j = 0; j < 5; j++) plan(phase + 7 + k * SLOTS / 30 + j, (Event){n_conns, 1, j});
    }
    n_conns++;
}

static void start_measuring(void) {
    for (int i = 0; i < n_conns; i++)
        for (int j = 0; j < conns[i].n_sources; j++) {
            conns[i].sources[j].at_start = conns[i].sources[j].highest;
            conns[i].sources[j].received_at_start = conns[i].sources[j].received;
        }
    measuring = 1;
}

static long lost_by_gaps(void) {
    long lost = 0;
    for (int i = 0; i < n_conns; i++)
        for (int j = 0; j < conns[i].n_sources; j++) {
            Source *s = &conns[i].sources[j];
            long missing = (s->highest - s->at_start) - (s->received - s->received_at_start);
            if (missing > 0) lost += missing;
        }
    return lost;
}

int main(void) {
    static char line[4096];
    int warm_ms = 0, measured_ms = 0, pid = 0, epoll = epoll_create1(0);
    struct epoll_event events[256];
    if (srtp_init() != srtp_err_status_ok) fail("libsrtp");
    conns = calloc(CONNS_MAX, sizeof *conns);
    delays_us = malloc(DELAYS_MAX * sizeof *delays_us);
    late_us = malloc(DELAYS_MAX * sizeof *late_us);
    while (fgets(line, sizeof line, stdin)) {
        if (!strncmp(line, "conn", 4) && n_conns < CONNS_MAX) read_conn(line);
        else if (sscanf(line, "run %d %d %d", &warm_ms, &measured_ms, &pid) != 3) fail("line");
    }
    for (int i = 0; i < n_conns; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, conns[i].fd, &event)) fail("epoll");
    }
    long long stolen[2] = {0, 0};
    int64_t next = now_ns(), slot = 0, start_slot = (int64_t)warm_ms * 2, end_slot = start_slot + (int64_t)measured_ms * 2;
    double server_s = 0, own_s = 0, steal = 0;
    /* After the last measured slot nothing is sent; what is on its way has 300 ms to arrive. */
    for (; slot < end_slot + 600;) {
        int64_t now = now_ns();
        if (now >= next) {
            if (slot == start_slot) { start_measuring(); server_s = cpu_s(pid); own_s = own_cpu_s(); steal_share(stolen); }
            if (slot == end_slot) { server_s = cpu_s(pid) - server_s; own_s = own_cpu_s() - own_s; steal = steal_share(stolen); }
            if (slot < end_slot) {
                if (measuring && n_late < DELAYS_MAX && wheel_len[slot % SLOTS]) late_us[n_late++] = (now - next) / 1000;
                for (int i = 0; i < wheel_len[slot % SLOTS]; i++) {
                    Event *e = &wheel[slot % SLOTS][i];
                    send_rtp(&conns[e->conn], e->is_video, e->index);
                }
                for (int i = slot % 200; i < n_conns; i += 200) if (conns[i].rx_twcc) feedback(&conns[i]);
                for (int i = slot % SLOTS; i < n_conns; i += SLOTS) report(&conns[i]);
                for (int i = slot % (2 * SLOTS); i < n_conns; i += 2 * SLOTS)
                    if (conns[i].check_len) (void)!send(conns[i].fd, conns[i].check, conns[i].check_len, 0);
            }
            slot++;
            next += SLOT_NS;
        }
        int64_t pause = next - now_ns();
        struct timespec most = {0, pause > 0 ? pause : 0};
        int n = epoll_pwait2(epoll, events, 256, &most, NULL);
        for (int i = 0; i < n; i++) receive(&conns[events[i].data.u32]);
    }
    qsort(delays_us, n_delays, sizeof *delays_us, by_size);
    qsort(late_us, n_late, sizeof *late_us, by_size);
    double seconds = measured_ms / 1000.0;
    printf("{\"seconds\": %.3f, \"sent\": %ld, \"received\": %ld, \"lost_by_gaps\": %ld, \"blocked\": %ld, "
           "\"undecipherable\": %ld, \"others\": %ld, \"plis\": %ld, \"delay_ms_p50\": %.3f, \"delay_ms_p99\": %.3f, "
           "\"delays\": %ld, \"late_ms_p99\": %.3f, \"server_cpu_s\": %.3f, \"generator_cpu\": %.3f, \"steal\": %.4f}\n",
           seconds, sent, received, lost_by_gaps(), blocked, undecipherable, others, plis, at_share(delays_us, n_delays, 0.5),
           at_share(delays_us, n_delays, 0.99), n_delays, at_share(late_us, n_late, 0.99), server_s, own_s / seconds, steal);
    return 0;
}
