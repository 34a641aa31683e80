PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA application_id = 0x436F4C62;
PRAGMA user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE audit (
        no INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, session TEXT,
        subject TEXT NOT NULL, action TEXT NOT NULL, data TEXT NOT NULL, hash BLOB NOT NULL
    ) STRICT;
INSERT INTO "audit" VALUES(1,1795616631433,'01a211f92adf77e6a33685a4af617552','user:ada','version','{"name":"kept"}',X'ACA5F0B3B1112E07C02601FD9125FA379D5C18F748936161E33649E68DB3730B');
CREATE TABLE "checkpoints" (
   "no" INTEGER PRIMARY KEY NOT NULL,
   "document" INTEGER NOT NULL REFERENCES "documents"("no"),
   "seq" INTEGER NOT NULL,
   "size_bytes" INTEGER NOT NULL,
   "digest" TEXT NOT NULL,
   "at_ms" INTEGER NOT NULL,
   "body" BLOB NOT NULL,
   "crc" INTEGER NOT NULL
, inflated_bytes INTEGER) STRICT;
INSERT INTO "checkpoints" VALUES(1,1,1,11,'digest 1',1700000000000,X'616C6C20757020746F2031',-1712590200,NULL);
INSERT INTO "checkpoints" VALUES(2,1,3,11,'digest 3',1700000000000,X'616C6C20757020746F2033',-1896987781,NULL);
INSERT INTO "checkpoints" VALUES(3,2,2,21,'digest 2',1700000000000,X'785E4BCCC951C84F53C82C51481CD22C00F2B741DD',1709589886,200);
CREATE TABLE "documents" (
   "no" INTEGER PRIMARY KEY NOT NULL,
   "session" INTEGER NOT NULL REFERENCES "sessions"("no"),
   "name" TEXT NOT NULL,
   "lineage" TEXT NOT NULL,
   "last_seq" INTEGER NOT NULL,
   "floor" INTEGER NOT NULL,
   "gone" INTEGER NOT NULL,
   "rows" INTEGER NOT NULL,
   "size_bytes" INTEGER NOT NULL,
   "crc" INTEGER NOT NULL
) STRICT;
INSERT INTO "documents" VALUES(1,1,'main','01a211f92ae075ac91c5beb06b6d1abd',4,0,0,3,3,-1167256317);
INSERT INTO "documents" VALUES(2,1,'other','01a211f92ae07c89b316153a29886340',2,0,0,1,1,1493750255);
CREATE TABLE "file" (
   "no" INTEGER PRIMARY KEY NOT NULL,
   "epoch" INTEGER NOT NULL
, state TEXT NOT NULL DEFAULT 'closed') STRICT;
INSERT INTO "file" VALUES(1,2,'closed');
CREATE TABLE "hot" (
   "no" INTEGER PRIMARY KEY NOT NULL,
   "document" INTEGER NOT NULL,
   "seq" INTEGER NOT NULL,
   "prev" INTEGER NOT NULL,
   "epoch" INTEGER NOT NULL,
   "at_ms" INTEGER NOT NULL,
   "subject" TEXT NOT NULL,
   "kind" TEXT NOT NULL,
   "seen" INTEGER NOT NULL,
   "group" TEXT,
   "origin" TEXT NOT NULL,
   "clients" BLOB NOT NULL,
   "body" BLOB NOT NULL,
   "crc" INTEGER NOT NULL
) STRICT;
CREATE TABLE "log" (
   "place" INTEGER PRIMARY KEY NOT NULL,
   "prev" INTEGER NOT NULL,
   "epoch" INTEGER NOT NULL,
   "at_ms" INTEGER NOT NULL,
   "subject" TEXT NOT NULL,
   "kind" TEXT NOT NULL,
   "seen" INTEGER NOT NULL,
   "group" TEXT,
   "origin" TEXT NOT NULL,
   "clients" BLOB NOT NULL,
   "body" BLOB NOT NULL,
   "crc" INTEGER NOT NULL
) STRICT;
INSERT INTO "log" VALUES(4294967297,0,1,1700000000000,'user:ada','update',0,NULL,'relay',X'0100000000000000',X'31',-229773803);
INSERT INTO "log" VALUES(4294967299,1,1,1700000000000,'user:ada','update',0,NULL,'relay',X'0100000000000000',X'33',-1317535136);
INSERT INTO "log" VALUES(4294967300,3,1,1700000000000,'user:ada','update',0,NULL,'relay',X'0100000000000000',X'34',361862815);
INSERT INTO "log" VALUES(8589934594,0,1,1700000000000,'user:ada','update',0,NULL,'relay',X'0100000000000000',X'32',-1776445596);
CREATE TABLE "named" (
   "bucket" TEXT NOT NULL,
   "key" TEXT NOT NULL,
   "version" INTEGER NOT NULL,
   "value" TEXT NOT NULL,
   "crc" INTEGER NOT NULL,
   PRIMARY KEY ("bucket", "key")
) STRICT;
INSERT INTO "named" VALUES('state','01a211f92adf77e6a33685a4af617552',1,'"active"',1105031162);
CREATE TABLE owners (
        document INTEGER NOT NULL, client INTEGER NOT NULL, subject TEXT NOT NULL,
        crc INTEGER NOT NULL, PRIMARY KEY (document, client)
    ) STRICT, WITHOUT ROWID;
INSERT INTO "owners" VALUES(1,1,'user:ada',504904754);
CREATE TABLE parents (
        session INTEGER PRIMARY KEY, parent TEXT NOT NULL, seq INTEGER NOT NULL, document TEXT,
        crc INTEGER NOT NULL
    ) STRICT;
CREATE TABLE quarantined (
        no INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL, seq INTEGER,
        subject TEXT NOT NULL, reason TEXT NOT NULL, at_ms INTEGER NOT NULL, digest TEXT,
        body BLOB NOT NULL, crc INTEGER NOT NULL
    ) STRICT;
INSERT INTO "quarantined" VALUES(1,1,NULL,'user:ada','died',1795597871840,NULL,X'78',1671517968);
CREATE TABLE recoveries (
        document INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, until_ms INTEGER NOT NULL,
        crc INTEGER NOT NULL
    ) STRICT;
CREATE TABLE "sessions" (
   "no" INTEGER PRIMARY KEY NOT NULL,
   "id" TEXT NOT NULL,
   "project" TEXT NOT NULL,
   "name" TEXT NOT NULL,
   "kind" TEXT NOT NULL,
   "created_at_ms" INTEGER NOT NULL,
   "created_by" TEXT NOT NULL,
   "documents" INTEGER NOT NULL,
   "crc" INTEGER NOT NULL
) STRICT;
INSERT INTO "sessions" VALUES(1,'01a211f92adf77e6a33685a4af617552','default','notes','single',1795597871839,'user:ada',2,-1178891722);
CREATE TABLE versions (
        no INTEGER PRIMARY KEY, session INTEGER NOT NULL, name TEXT NOT NULL,
        seq INTEGER NOT NULL, document TEXT, made_by TEXT NOT NULL, authors TEXT NOT NULL,
        note TEXT NOT NULL, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, pinned INTEGER NOT NULL,
        crc INTEGER NOT NULL, UNIQUE (session, name)
    ) STRICT;
INSERT INTO "versions" VALUES(1,1,'kept',3,NULL,'user:ada','[]','',1700000000000,'manual',0,-1537579776);
CREATE UNIQUE INDEX "idx_sessions_project_name"
    ON "sessions" ("project", "name");
CREATE INDEX "idx_checkpoints_document_seq_size_bytes"
    ON "checkpoints" ("document", "seq", "size_bytes");
CREATE INDEX "idx_quarantined_document"
    ON "quarantined" ("document");
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('quarantined',1);
INSERT INTO "sqlite_sequence" VALUES('audit',1);
COMMIT;
