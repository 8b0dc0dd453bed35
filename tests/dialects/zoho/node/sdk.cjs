// One of Zoho's SDKs for Node, unpatched, over every operation that it offers and we have; prints what it got as JSON.
// Usage: node sdk.cjs FOLDER PACKAGE < {"url", "client_id", "client_secret", "refresh_token", "picture"}
"use strict";
const fs = require("fs");
const path = require("path");

const SDK = process.argv[3];
const FIRST = SDK === "zcrmsdk";
const api = (name) => require(`${SDK}/core/com/zoho/crm/api/${name}`);
const { FileStore } = require(`${SDK}/models/authenticator/store/file_store`);
const { UserSignature } = require(`${SDK}/routes/user_signature`);
const { SDKConfigBuilder } = require(`${SDK}/routes/sdk_config_builder`);
const { DataCenter } = require(`${SDK}/routes/dc/data_center`);
const { Levels } = require(`${SDK}/routes/logger/logger`);
const { ParameterMap } = require(`${SDK}/routes/parameter_map`);
const { HeaderMap } = require(`${SDK}/routes/header_map`);
const { StreamWrapper } = require(`${SDK}/utils/util/stream_wrapper`);
const { Choice } = require(`${SDK}/utils/util/choice`);
const records_of = api("record/record_operations");
const { Record } = api("record/record");
const { BodyWrapper } = api("record/body_wrapper");
const { FileBodyWrapper } = api("record/file_body_wrapper");
const { ConvertBodyWrapper } = api("record/convert_body_wrapper");
const { LeadConverter } = api("record/lead_converter");
const { Field } = api("record/field");
const notes_of = api("notes/notes_operations");
const { Note } = api("notes/note");
const NoteBody = api("notes/body_wrapper").BodyWrapper;
const users_of = api("users/users_operations");
const { OrgOperations } = api("org/org_operations");
const { ModulesOperations } = api("modules/modules_operations");
const { FieldsOperations } = api("fields/fields_operations");

const [OTHER, AWAITING, LOCKED] = [738964000002131001n, 1306462000000496025n, 475243000003269880n];

// A value of the SDK as JSON has it.
function plain(value) {
    if (value === null || value === undefined) return null;
    if (typeof value === "bigint") return value.toString();
    if (value instanceof Date) return value.toISOString();
    if (value instanceof Choice) return plain(value.getValue());
    if (value instanceof Map) return Object.fromEntries([...value].map(([key, each]) => [key, plain(each)]));
    if (Array.isArray(value)) return value.map(plain);
    if (value instanceof Record) return plain(value.getKeyValues());
    if (typeof value === "object") {
        const entries = Object.entries(value).filter(([key, each]) => key !== "keyModified" && each !== undefined && each !== null);
        return Object.fromEntries(entries.map(([key, each]) => [key, plain(each)]));
    }
    return value;
}

// A member of an SDK's object: a property in the first SDK, a method in the others.
const read = (thing, name) => {
    const method = thing[`get${name[0].toUpperCase()}${name.slice(1)}`];
    return method ? method.call(thing) : thing[name];
};

// What an SDK made of an answer.
const content = (response) => read(response, "object");

// [HTTP status, the class the SDK made of the answer, its content].
function told(response) {
    const answer = content(response);
    const status = read(response, "statusCode");
    if (answer === null || answer === undefined) return [status, null];
    return [status, answer.constructor.name, plain(answer)];
}

async function params(known, values) {
    const made = new ParameterMap();
    for (const [name, value] of Object.entries(values)) await made.add(known[name], value);
    return made;
}

function record(id, fields) {
    const made = new Record();
    if (id) made.setId(BigInt(id));
    for (const [name, value] of Object.entries(fields)) made.addKeyValue(name, value);
    return made;
}

function body(rows, checks) {
    const made = new BodyWrapper();
    made.setData(rows);
    if (checks) made.setDuplicateCheckFields(checks);
    return made;
}

function note(id, fields) {
    const made = new Note();
    if (id) made.setId(id);
    for (const [name, value] of Object.entries(fields)) made[`set${name}`](value);
    const wrapped = new NoteBody();
    wrapped.setData([made]);
    return wrapped;
}

const size = (stream) => new Promise((resolve, reject) => {
    if (Buffer.isBuffer(stream)) return resolve(stream.length);
    let length = 0;
    stream.on("data", (chunk) => { length += chunk.length; });
    stream.on("end", () => resolve(length));
    stream.on("error", reject);
});

// As every SDK since the second is told of where it is.
async function initialize(given, folder) {
    const { InitializeBuilder } = require(`${SDK}/routes/initialize_builder`);
    const { OAuthBuilder } = require(`${SDK}/models/authenticator/oauth_builder`);
    const { LogBuilder } = require(`${SDK}/routes/logger/log_builder`);
    const token = new OAuthBuilder().clientId(given.client_id).clientSecret(given.client_secret)
        .refreshToken(given.refresh_token).build();
    await (await new InitializeBuilder())
        .user(new UserSignature("patricia.boyle@crmgraph.example"))
        .environment(DataCenter.setEnvironment(given.url, `${given.url}/oauth/v2/token`, given.url, "crmgraph"))
        .token(token)
        .store(new FileStore(path.join(folder, "tokens.csv")))
        .SDKConfig(new SDKConfigBuilder().autoRefreshFields(false).pickListValidation(false).build())
        .resourcePath(path.join(folder, "resources"))
        .logger(new LogBuilder().level(Levels.ERROR).filePath(path.join(folder, "sdk.log")).build())
        .initialize();
}

// As the first one is, `zcrmsdk`.
async function initializeFirst(given, folder) {
    const { Initializer } = require(`${SDK}/routes/initializer`);
    const { OAuthToken, TokenType } = require(`${SDK}/models/authenticator/oauth_token`);
    const { Logger } = require(`${SDK}/routes/logger/logger`);
    await Initializer.initialize(
        new UserSignature("patricia.boyle@crmgraph.example"),
        DataCenter.setEnvironment(given.url, `${given.url}/oauth/v2/token`, given.url),
        new OAuthToken(given.client_id, given.client_secret, given.refresh_token, TokenType.REFRESH),
        new FileStore(path.join(folder, "tokens.csv")),
        new SDKConfigBuilder().setAutoRefreshFields(false).setPickListValidation(false).build(),
        path.join(folder, "resources"),
        Logger.getInstance(Levels.ERROR, path.join(folder, "sdk.log")),
    );
}

async function main() {
    const given = JSON.parse(fs.readFileSync(0, "utf8"));
    const folder = process.argv[2];
    fs.mkdirSync(path.join(folder, "resources"));
    await (FIRST ? initializeFirst : initialize)(given, folder);

    const done = {};
    const records = new records_of.RecordOperations();
    const notes = new notes_of.NotesOperations();
    const made = (name) => BigInt(done[name][2].data[0].details.id);

    const full = new Record();
    full.addFieldValue(Field.Leads.LAST_NAME, "Sdk");
    full.addFieldValue(Field.Leads.FIRST_NAME, "Node");
    full.addFieldValue(Field.Leads.EMAIL, "node@example.com");
    full.addFieldValue(Field.Leads.COMPANY, "Sdk Ltd");
    full.addFieldValue(Field.Leads.ANNUAL_REVENUE, 1.5);
    full.addFieldValue(Field.Leads.NO_OF_EMPLOYEES, 7);
    full.addFieldValue(Field.Leads.EMAIL_OPT_OUT, false);
    full.addFieldValue(Field.Leads.LEAD_STATUS, new Choice("New"));
    full.addKeyValue("Custom", "kept");
    const bad = record(null, { Last_Name: "Bad", Email: "nobody" });
    done.create = told(await records.createRecords("Leads", body([full, bad])));
    const account = record(null, { Account_Name: "Sdk Account", Employees: 3 });
    done.create_account = told(await records.createRecords("Accounts", body([account])));
    const person = record(null, {
        Last_Name: "Person", Email: "person@example.com", Date_of_Birth: new Date(1990, 1, 28),
        Account_Name: record(made("create_account"), {}),
    });
    done.create_contact = told(await records.createRecords("Contacts", body([person])));
    const ids = { Leads: made("create"), Accounts: made("create_account"), Contacts: made("create_contact") };
    done.get_lead = told(await records.getRecord(ids.Leads, "Leads"));
    done.get_account = told(await records.getRecord(ids.Accounts, "Accounts"));
    done.get_contact = told(await records.getRecord(ids.Contacts, "Contacts"));
    done.get_nothing = told(await records.getRecord(5n, "Leads"));
    const page = { FIELDS: "Last_Name,Email", SORT_BY: "Last_Name", SORT_ORDER: "asc", PER_PAGE: 2, PAGE: 1 };
    done.list = told(await records.getRecords("Leads", await params(records_of.GetRecordsParam, page)));
    const since = new HeaderMap();
    await since.add(records_of.GetRecordsHeader.IF_MODIFIED_SINCE, new Date("2999-01-01T00:00:00Z"));
    done.not_modified = told(await records.getRecords("Leads", null, since));
    done.update = told(await records.updateRecord(ids.Leads, "Leads", body([record(null, { City: "Oslo" })])));
    done.update_many = told(await records.updateRecords("Leads", body([
        record(ids.Leads, { State: "S" }), record(OTHER, { Mobile: "98883434559" }),
        record(AWAITING, { City: "x" }), record(LOCKED, { City: "x" }),
    ])));
    const both = [record(null, { Last_Name: "Sdk", Email: "node@example.com" }), record(null, { Last_Name: "Up" })];
    done.upsert = told(await records.upsertRecords("Leads", body(both, ["Email"])));
    for (const [name, value] of Object.entries({
        CRITERIA: "((Email:equals:node@example.com)and(Last_Name:starts_with:Sd))",
        EMAIL: "node@example.com", PHONE: "9898989898", WORD: "Sdk",
    })) {
        const known = records_of.SearchRecordsParam;
        const found = await params(known, { [name]: value, ...(known.FIELDS && { FIELDS: "Last_Name" }) });
        done[`search_${name.toLowerCase()}`] = told(await records.searchRecords("Leads", found));
    }
    const nothing = await params(records_of.SearchRecordsParam, { WORD: "nothing" });
    done.search_nothing = told(await records.searchRecords("Leads", nothing));
    const nonsense = await params(records_of.SearchRecordsParam, { CRITERIA: "nonsense" });
    done.search_nonsense = told(await records.searchRecords("Leads", nonsense));

    for (const [module, id] of Object.entries(ids)) {
        const photo = new FileBodyWrapper();
        photo.setFile(new StreamWrapper(null, null, given.picture));
        done[`upload_${module}`] = told(await records.uploadPhoto(id, module, photo));
        const got = await records.getPhoto(id, module);
        const file = content(got).getFile();
        done[`photo_${module}`] = [read(got, "statusCode"), read(file, "name"), (await size(read(file, "stream"))) > 0];
        done[`unphoto_${module}`] = told(await records.deletePhoto(id, module));
    }

    const parent = record(ids.Leads, {});
    const first = note(null, { NoteTitle: "T", NoteContent: "C", ParentId: parent, SeModule: "Leads" });
    done.note = told(await notes.createNotes(first));
    const noted = made("note");
    done.get_note = told(await notes.getNote(noted));
    done.notes = told(await notes.getNotes());
    done.update_note = told(await notes.updateNote(noted, note(null, { NoteContent: "D" })));
    done.update_notes = told(await notes.updateNotes(note(noted, { NoteContent: "E" })));
    done.delete_note = told(await notes.deleteNote(noted));
    done.delete_notes = told(await notes.deleteNotes(await params(notes_of.DeleteNotesParam, { IDS: noted })));

    const converter = new LeadConverter();
    converter.setOverwrite(true);
    converter.setNotifyLeadOwner(false);
    converter.setAccounts(ids.Accounts.toString());
    const converting = new ConvertBodyWrapper();
    converting.setData([converter]);
    done.convert = told(await records.convertLead(ids.Leads, converting));
    done.convert_again = told(await records.convertLead(ids.Leads, converting));

    done.delete = told(await records.deleteRecord(OTHER, "Leads"));
    const contacts = await params(records_of.DeleteRecordsParam, { IDS: FIRST ? ids.Contacts : ids.Contacts.toString() });
    done.delete_many = told(await records.deleteRecords("Contacts", contacts));
    const all = await params(records_of.GetDeletedRecordsParam, { TYPE: "all" });
    done.deleted = told(await records.getDeletedRecords("Leads", all));
    done.modules = told(await new ModulesOperations().getModules());
    done.module = told(await new ModulesOperations().getModule("Leads"));
    done.fields = told(await new FieldsOperations("Accounts").getFields());
    const users = new users_of.UsersOperations();
    done.users = told(await users.getUsers(await params(users_of.GetUsersParam, { TYPE: "AllUsers" })));
    done.user = told(await users.getUser(738964000000291009n));
    done.organisation = told(await new OrgOperations().getOrganization());
    process.stdout.write(JSON.stringify(done));
}

main().catch((error) => {
    process.stderr.write(`${error.stack}\n${JSON.stringify(error, (_, each) => (typeof each === "bigint" ? each.toString() : each))}\n`);
    process.exitCode = 1;
});
