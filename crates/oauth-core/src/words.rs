//! Every sentence of ours that a person reads, in one place: so that they can be reviewed together, and
//! some day be had in other languages. What the tools, the scopes and the sign-in say of themselves comes
//! from their own components.
//!
//! Where a sentence goes around something that is set apart on the page, it is an [`Around`]: another
//! language may want to say the same in another order.

/// What stands before and after something that is set apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Around(pub &'static str, pub &'static str);

/// How many applications, in words.
pub fn count_of_applications(count: usize) -> String {
    match count {
        1 => "1 application".to_owned(),
        count => format!("{count} applications"),
    }
}

/// On every page.
pub mod layout {
    /// The name of a server that has none: it cannot read its configuration.
    pub const NO_NAME: &str = "Postern";
    /// The link to whoever helps.
    pub const SUPPORT: &str = "Get help";
}

/// The sign-in page.
pub mod sign_in {
    use super::Around;

    /// Heading and title.
    pub const TITLE: &str = "Sign in";
    /// Around the server's host, when no application asks.
    pub const TO: Around = Around("to ", "");
    /// Around the server's host, under the heading of a new account.
    pub const AT: Around = Around("at ", "");
    /// Around the application's name.
    pub const SO_THAT: Around = Around("\u{201c}", "\u{201d} wants to connect. Sign in to decide.");
    /// Between ways to sign in.
    pub const OR: &str = "or";
    /// The box that decides whether the browser forgets the sign-in when it is closed.
    pub const KEEP: &str = "Keep me signed in on this browser";
}

/// The consent page.
pub mod consent {
    use super::Around;

    /// The title.
    pub const TITLE: &str = "Connect an application";
    /// Around the application's name, in the heading.
    pub const WANTS_TO_CONNECT: Around = Around("\u{201c}", "\u{201d} wants to connect");
    /// The heading, when it has no name.
    pub const NAMELESS_WANTS_TO_CONNECT: &str = "An application wants to connect";
    /// Around the server's host, and before the user's name.
    pub const TO_HOST: Around = Around("to ", " as ");

    /// Before the next.
    pub const NOT_YOU: &str = "Is that not you?";
    /// The button to become somebody else.
    pub const SWITCH: &str = "Use another account";

    /// Who says so: a term, then one of the next.
    pub const IDENTITY: &str = "Application";
    /// A client that registered itself, when nothing speaks for it.
    pub const UNVERIFIED: &str = "Unverified";
    /// A client that registered itself, and is at an address of a known client.
    pub const KNOWN: &str = "Known address";
    /// More of that.
    pub const KNOWN_SAYS: &str = "The application registered itself. You will be sent to an address that belongs to a known application.";
    /// A client that registered itself, and is a program on the person's computer.
    pub const LOCAL: &str = "On this computer";
    /// Beside a scope that the application does not have yet.
    pub const NEW: &str = "New";
    /// A client whose metadata document's host vouches for it. The host follows.
    pub const PUBLISHED_BY: Around = Around("Published by ", "");
    /// A client that the operator wrote down.
    pub const CONFIGURED: &str = "Known here";
    /// More of the first.
    pub const REGISTERED_SAYS: &str =
        "The application registered itself, and the name is what it calls itself. Nobody has verified it.";
    /// The same, without a name.
    pub const REGISTERED_WITHOUT_NAME: &str = "The application registered itself, and gave no name.";
    /// More of the second.
    pub const PUBLISHED_SAYS: Around =
        Around("The name is what ", " calls the application. Nobody else has verified it.");
    /// More of the third.
    pub const CONFIGURED_SAYS: &str = "Whoever runs this server knows the application.";

    /// Where the user goes next: a term, then one of the next.
    pub const DESTINATION: &str = "You will be sent to";
    /// Around a website's host.
    pub const WEBSITE: Around = Around("", "");
    /// Around an address on this computer.
    pub const THIS_COMPUTER: Around = Around("a program on this computer, at ", "");
    /// Around a scheme.
    pub const APP: Around = Around("an app on this computer that opens ", " links");

    /// AZ-31, around the address.
    pub const ANYBODYS: Around = Around(
        "Any program on this computer can say that it is this application. Access goes to whichever program listens at ",
        ".",
    );

    /// AZ-30: a word with letters of several scripts.
    pub const MIXED_SCRIPTS: &str = "The name has letters of different alphabets in one word. Such letters can look alike, and hide that it is another name.";

    /// AZ-30: a name like that of a known application.
    pub fn known_name(name: &str, home: &str) -> String {
        format!(
            "The name looks like \u{201c}{name}\u{201d}, but nothing here shows that the application is from {home}. Anybody can choose a name."
        )
    }

    /// AZ-30: a name like the server's own.
    pub fn own_name(name: &str) -> String {
        format!("The name looks like that of this server, {name}. The application is not a part of it.")
    }

    /// BR-15: a host that is written in ASCII only for programs.
    pub fn foreign_host(host: &str) -> String {
        format!(
            "The address {host} stands for one with letters beyond a to z. Such letters can look like those of another address."
        )
    }

    /// BR-15: a host that reads like a known one.
    pub fn host_like(host: &str, other: &str) -> String {
        format!("The address {host} looks like {other}, and is not.")
    }

    /// Before what should make one think twice.
    pub const CAREFUL: &str = "Careful";

    /// Before the scopes.
    pub const ASKS_TO: &str = "It asks to";
    /// What unlocks no tool.
    pub const NO_TOOLS: &str = "unlocks no tools";
    /// Before the tools that a scope unlocks.
    pub const TOOLS: &str = "Tools:";
    /// Before tools that need no scope.
    pub const OPEN_TOOLS: &str = "It can use, without asking for more:";
    /// The box that lets the decision stand.
    pub const REMEMBER: &str =
        "Do not ask me again when this application connects like this, as long as this connection lasts";
    /// Enter was pressed where it decides nothing.
    pub const UNDECIDED: &str = "Nothing is decided yet. Choose one of the buttons below.";
    /// The text of the button that Enter presses. It is not shown.
    pub const STAY: &str = "Stay on this page";
    /// Approved with no scope ticked.
    pub const NOTHING_TICKED: &str =
        "You ticked none of the permissions, so there is nothing to approve. Tick at least one, or deny.";
    /// Approved before anybody can have read the page.
    pub const TOO_SOON: &str =
        "That was too soon to have read this page, so nothing is approved yet. Look at it, then decide.";
    /// A connection ends because the same application connects again.
    pub const SAME_PLACE: &str =
        "If you approve, the connection that you made earlier for this application in this browser ends.";
    /// A connection ends because there is no room. `name` may be empty.
    pub fn no_room(limit: usize, name: &str) -> String {
        let application = match name {
            "" => "an application without a name".to_owned(),
            name => format!("\u{201c}{name}\u{201d}"),
        };
        format!(
            "You have {limit} connections, which is the most that you can have here. If you approve, the one that was unused for longest ends: {application}."
        )
    }
    /// Another connection would have to end than the page said.
    pub const NO_ROOM_ANY_MORE: &str = "Your connections changed meanwhile, so nothing is approved yet. Look at what would end, then decide.";
    /// Above the buttons.
    pub const ONLY_IF: &str = "Approve only if you have just started connecting it yourself.";
    /// Around the address of the account page.
    pub const LATER: Around = Around("You can take it back at any time, at ", ".");
    /// The one button.
    pub const APPROVE: &str = "Approve";
    /// The other.
    pub const DENY: &str = "Deny";
}

/// The page of somebody who is signed in.
pub mod account {
    use super::Around;

    /// Heading and title.
    pub const TITLE: &str = "Your account";
    /// Around the user's name.
    pub const SIGNED_IN_AS: Around = Around("Signed in as ", "");
    /// The applications.
    pub const CONNECTED: &str = "Connected applications";
    /// Instead of any.
    pub const NOTHING_CONNECTED: &str =
        "None. When you connect an application and approve it, it is listed here.";
    /// An application that has no name.
    pub const NAMELESS: &str = "An application without a name";
    /// Before the scopes in words.
    pub const ALLOWED_TO: &str = "It may";
    /// Instead of scopes.
    pub const NO_SCOPES: &str = "use what needs no permission";
    /// Before where the user was sent.
    pub const SENT_TO: &str = "Connected from";
    /// Around an address on a computer, which need not be the one that this is read on.
    pub const A_COMPUTER: Around = Around("a program on your computer, at ", "");
    /// Addresses on one or several computers.
    pub const COMPUTERS: &str = "programs on your computer or computers";
    /// Around a scheme.
    pub const AN_APP: Around = Around("an app that opens ", " links");
    /// Before three times.
    pub const WHEN: &str = "When";
    /// Before the first.
    pub const ALLOWED_AT: &str = "allowed";
    /// Around the browser in which that was.
    pub const IN_BROWSER: Around = Around("in ", "");
    /// Around the address of the program on a computer that was allowed.
    pub const AT_ADDRESS: Around = Around("at ", "");
    /// Before the second.
    pub const LAST_USED_ON: &str = "last used";
    /// Instead of the second.
    pub const NEVER_USED: &str = "not used yet";
    /// Before the third.
    pub const ENDS_ON: &str = "ends";
    /// Ends one.
    pub const REVOKE: &str = "Disconnect";
    /// Asks about that.
    pub fn revoke_one(name: &str) -> String {
        if name.is_empty() {
            return "Disconnect this application?".to_owned();
        }
        format!("Disconnect \u{201c}{name}\u{201d}?")
    }
    /// What it does.
    pub const REVOKE_ONE_SAYS: &str =
        "It loses access at once. To get access again, it has to ask you, and you have to approve.";
    /// Says so when it is done.
    pub fn disconnected(name: &str) -> String {
        if name.is_empty() {
            return "The application is disconnected.".to_owned();
        }
        format!("\u{201c}{name}\u{201d} is disconnected.")
    }
    /// Ends all.
    pub const REVOKE_ALL: &str = "Disconnect all";
    /// Asks about that. `applications` is how many, in words.
    pub fn revoke_all(applications: &str) -> String {
        format!("Disconnect {applications}?")
    }
    /// What it does.
    pub const REVOKE_ALL_SAYS: &str = "Every application loses access at once, and every other browser is signed out. Do this if you think that someone else has had access.";
    /// Says so when it is done.
    pub const DISCONNECTED_ALL: &str =
        "Every application is disconnected, and every other browser is signed out.";
    /// What was to be ended is not there any more.
    pub const NOTHING_TO_END: &str = "That had ended before. Nothing was left to do.";
    /// Leaves everything as it is.
    pub const CANCEL: &str = "Cancel";
    /// The field that is searched with.
    pub const SEARCH: &str = "Search";
    /// The field that sorts.
    pub const SORT: &str = "Sort by";
    /// The button that does both.
    pub const SHOW: &str = "Show";
    /// An order.
    pub const SORT_NEWEST: &str = "newest first";
    /// An order.
    pub const SORT_USED: &str = "last used first";
    /// An order.
    pub const SORT_NAME: &str = "name";
    /// Around how many applications were found, and in front of all of them.
    pub const FOUND: Around = Around("Found ", ".");
    /// The way back from a search.
    pub const SHOW_ALL: &str = "Show all";
    /// The document.
    pub const RECORD: &str = "Download a record of what you allowed";
    /// What ways around in a long list are called.
    pub const PAGES: &str = "Pages of the list";
    /// To the page before.
    pub const NEWER: &str = "Newer";
    /// To the page after.
    pub const OLDER: &str = "Older";
    /// Before what can be changed.
    pub const HOW_YOU_SIGN_IN: &str = "How you sign in";
    /// The sign-ins.
    pub const SIGN_INS: &str = "Where you are signed in";
    /// A browser that did not say which it is.
    pub const UNKNOWN_BROWSER: &str = "Unknown browser";
    /// Before when that began.
    pub const SINCE: &str = "since";
    /// Marks the browser that the page is shown in.
    pub const HERE: &str = "this browser";
    /// The list is not whole.
    pub const UNLISTED: &str =
        "Older sign-ins may be missing here. \u{201c}Sign out everywhere\u{201d} ends them too.";
    /// What signing out does not do.
    pub const SIGN_OUT_SAYS: &str = "Applications stay connected when you sign out.";
    /// Of this browser.
    pub const SIGN_OUT_HERE: &str = "Sign out";
    /// Of another browser.
    pub const END_SIGN_IN: &str = "Sign out";
    /// Asks about that.
    pub fn end_sign_in(browser: Option<&str>) -> String {
        format!("Sign out {}?", browser.unwrap_or("this browser"))
    }
    /// What it does.
    pub const END_SIGN_IN_SAYS: &str =
        "That browser has to sign in again. If it is not yours, change your password as well.";
    /// Says so when it is done.
    pub const SIGN_IN_ENDED: &str = "That browser is signed out.";
    /// Of every browser.
    pub const SIGN_OUT_EVERYWHERE: &str = "Sign out everywhere";
    /// Asks about that.
    pub const SIGN_OUT_EVERYWHERE_ASKS: &str = "Sign out everywhere?";
    /// What it does.
    pub const SIGN_OUT_EVERYWHERE_SAYS: &str =
        "You are signed out at every browser, this one included. Applications stay connected.";
    /// The heading, afterwards.
    pub const SIGNED_OUT: &str = "You are signed out";
    /// What was done.
    pub const SIGNED_OUT_SAYS: &str = "This browser is signed out. Applications stay connected.";
    /// What was done.
    pub const SIGNED_OUT_EVERYWHERE_SAYS: &str =
        "Every browser is signed out, this one included. Applications stay connected.";
    /// The way back.
    pub const SIGN_IN_AGAIN: &str = "Sign in again";
    /// The way back here.
    pub const BACK: &str = "Back to your account";
}

/// The home page.
pub mod home {
    /// Around the server's name, in the heading.
    pub const HEADING: super::Around = super::Around("Connect to ", "");
    /// Under the heading.
    pub const LEAD: &str = "This is a remote MCP server. Connect your AI client to its address, sign in, and choose what it may do.";
    /// A heading.
    pub const TOOLS: &str = "Tools";
    /// Instead of tools.
    pub const NO_TOOLS: &str = "None yet.";
    /// A heading.
    pub const CONNECT: &str = "How to connect";
    /// The link to the page of somebody who is signed in.
    pub const ACCOUNT: &str = "See or disconnect what you connected";

    /// How each client is connected. What to copy comes after the sentence.
    pub mod setup {
        /// A client.
        pub const CLAUDE: &str = "Claude: web, desktop and phone";
        /// How.
        pub const CLAUDE_HOW: &str = "In Claude's settings, under Connectors, choose \u{201c}Add custom connector\u{201d} and give it this address. Then choose \u{201c}Connect\u{201d} and sign in.";
        /// A client.
        pub const CLAUDE_DESKTOP: &str = "Claude Desktop: configuration file";
        /// How.
        pub const CLAUDE_DESKTOP_HOW: &str = "In Claude Desktop's settings, under Developer, choose \u{201c}Edit Config\u{201d}, add this to claude_desktop_config.json, and start Claude again. Node.js has to be installed.";
        /// A client.
        pub const CLAUDE_CODE: &str = "Claude Code";
        /// What comes then.
        pub const CLAUDE_CODE_THEN: &str =
            "Then start Claude Code, type /mcp, choose this server and sign in.";
        /// A client.
        pub const CHATGPT: &str = "ChatGPT";
        /// What comes first.
        pub const CHATGPT_FIRST: &str =
            "In ChatGPT's settings, under Apps & Connectors, Advanced settings, switch on Developer mode.";
        /// What comes then.
        pub const CHATGPT_THEN: &str = "Then choose \u{201c}Create\u{201d} under Apps & Connectors, give it this address, and choose OAuth.";
        /// A client.
        pub const VS_CODE: &str = "VS Code";
        /// A link.
        pub const VS_CODE_INSTALL: &str = "Install in VS Code";
        /// A client.
        pub const CURSOR: &str = "Cursor";
        /// A link.
        pub const CURSOR_INSTALL: &str = "Install in Cursor";
        /// Another way.
        pub const CURSOR_OR: &str = "Or add this to ~/.cursor/mcp.json:";
        /// A client.
        pub const INSPECTOR: &str = "MCP Inspector";
        /// Before the command for version 2.
        pub const INSPECTOR_2: &str = "With Node 22.19 or newer, in a terminal:";
        /// What comes then, and what comes before the command for older versions.
        pub const INSPECTOR_2_THEN: &str =
            "Then turn on the switch of this server. With an older Node, from version 20:";
        /// What comes after that command.
        pub const INSPECTOR_OLDER_THEN: &str =
            "Then choose \u{201c}Streamable HTTP\u{201d}, and give it this address:";
        /// A client.
        pub const MCP_REMOTE: &str = "Others, with mcp-remote";
        /// How.
        pub const MCP_REMOTE_HOW: &str = "For applications that only start local programs, mcp-remote is one that connects here. Node.js has to be installed.";
        /// Before a command.
        pub const TERMINAL: &str = "In a terminal:";
        /// Before a command that is another way.
        pub const OR_TERMINAL: &str = "Or in a terminal:";
        /// Instead of an address.
        pub const OUT_OF_REACH: &str = "It connects from the internet, and cannot reach a server on your own machine. Use another client, or mcp-remote, or put the server on the internet.";
    }
}

/// The page in the place of a redirect to a client that the user has not approved.
pub mod refused {
    /// Heading and title.
    pub const TITLE: &str = "This request cannot be answered";
    /// Under the heading.
    pub const TEXT: &str = "An application sent you here with a request that this server refuses. You have not been sent on, because you have not approved this application here.";
    /// Before what is wrong.
    pub const REASON: &str = "Reason";
    /// Before where the link leads.
    pub const DESTINATION: &str = "The application is at";
    /// What to do.
    pub const HELP: &str = "If you did not start this yourself, close this page. If you did, you can go back and let the application know.";
    /// The link.
    pub const LINK: &str = "Go back to the application";
}

/// An error page: what happened, and what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorWords {
    /// The heading.
    pub title: &'static str,
    /// What happened.
    pub text: &'static str,
    /// What to do; may be empty.
    pub help: &'static str,
}

/// Error pages.
pub mod errors {
    use super::{Around, ErrorWords};

    /// Before what identifies the request in the log.
    pub const TRACE: &str = "If you ask for help, give this trace id:";

    /// Something is missing in the request.
    pub const INCOMPLETE: ErrorWords = ErrorWords {
        title: "This link is not complete",
        text: "The application that sent you here left something out of its request.",
        help: "Go back to the application and connect again. If it keeps happening, tell its makers.",
    };
    /// The client id is unknown.
    pub const UNKNOWN_CLIENT: ErrorWords = ErrorWords {
        title: "This application is not known here",
        text: "It shows a registration that this server did not make, or no longer accepts. That happens when the server was set up anew. You have not been sent anywhere.",
        help: "In the application, remove this server and add it again.",
    };
    /// Added where the application was guessed.
    pub const OTHERWISE: &str = "If it is another application, remove this server in it and add it again.";
    /// The operator switched the client off.
    pub const DENIED_CLIENT: ErrorWords = ErrorWords {
        title: "This application is not let in here",
        text: "Whoever runs this server has switched it off. You have not been asked to approve anything.",
        help: "If you think that is a mistake, ask whoever runs this server.",
    };
    /// The client's document cannot be had.
    pub const DOCUMENT: ErrorWords = ErrorWords {
        title: "This application cannot be checked",
        text: "What it publishes about itself could not be read, or is not accepted here. Nothing has been approved.",
        help: "Try again in a while. If it keeps happening, tell the makers of the application.",
    };
    /// The redirect URI is not the client's.
    pub const UNREGISTERED_REDIRECT_URI: ErrorWords = ErrorWords {
        title: "This link leads somewhere unexpected",
        text: "The application asks to send you to an address that it has not registered. You have not been sent there.",
        help: "If you did not start this yourself, close this page. If you did, go back to the application and connect again.",
    };
    /// The body is too large.
    pub const TOO_LARGE: ErrorWords = ErrorWords {
        title: "That is too much",
        text: "The request is larger than anything expected here.",
        help: "",
    };
    /// The page was open for too long.
    pub const STALE_PAGE: ErrorWords = ErrorWords {
        title: "This page is out of date",
        text: "It was open for too long, or was used before. Nothing has been approved by it now.",
        help: "Go back to the application and connect again.",
    };
    /// The page is another sign-in's.
    pub const OTHER_BROWSER: ErrorWords = ErrorWords {
        title: "This page belongs to another sign-in",
        text: "You are not signed in, or as somebody else than when this page was shown. Nothing has been approved.",
        help: "Go back to the application and connect again. Cookies must be allowed for this site.",
    };
    /// The page was shown to another account, or to one that is signed out.
    pub const OTHER_SIGN_IN: ErrorWords = ErrorWords {
        title: "This page belongs to another sign-in",
        text: "You are signed out, or signed in with another account than when this page was shown. Nothing has been approved.",
        help: "Begin again to connect the application with the account that you use now. Cookies must be allowed for this site.",
    };
    /// The button that begins the same request again.
    pub const BEGIN_AGAIN: &str = "Begin again";
    /// The form is not ours.
    pub const FOREIGN_FORM: ErrorWords = ErrorWords {
        title: "That did not come from here",
        text: "A form was sent to this server from a page that is not its own. Nothing has been done.",
        help: "If you did not start this yourself, close the page that you came from.",
    };
    /// What a browser brought from elsewhere proves nothing.
    pub const UNPROVEN: ErrorWords = ErrorWords {
        title: "You could not be signed in",
        text: "What came back from where you signed in does not prove that it was you, or that it was meant for this browser. Nobody has been signed in.",
        help: "Go back to the application and connect again. If you did not start this yourself, close this page.",
    };
    /// The person declined elsewhere.
    pub const DECLINED_ELSEWHERE: ErrorWords = ErrorWords {
        title: "You have not been signed in",
        text: "Where you were sent to sign in, the answer was no. Nothing has been changed.",
        help: "To try again, or in another way, begin again where you came from.",
    };
    /// Elsewhere something failed.
    pub const FAILED_ELSEWHERE: ErrorWords = ErrorWords {
        title: "Signing in elsewhere did not work",
        text: "Where you were sent to sign in, something failed. Nothing has been changed.",
        help: "Try again in a while. If it keeps happening, tell whoever runs this server.",
    };
    /// A page of the account was open for too long.
    pub const STALE_ACCOUNT_PAGE: ErrorWords = ErrorWords {
        title: "This page is out of date",
        text: "It was open for too long, or was used before. Nothing has been changed by it now.",
        help: "Open your account and try again.",
    };
    /// A page of the account is another sign-in's.
    pub const OTHER_ACCOUNT_PAGE: ErrorWords = ErrorWords {
        title: "This page belongs to another sign-in",
        text: "You signed in again, or with another account, after this page was opened. Nothing has been changed.",
        help: "Open your account and try again. Cookies must be allowed for this site.",
    };
    /// The address of a form was opened, and not the page with the form.
    pub const NOT_BY_ITSELF: ErrorWords = ErrorWords {
        title: "Please begin again",
        text: "This address is a step on the way to somewhere else, and cannot be opened by itself. Nothing has been changed.",
        help: "If an application sent you here, go back to it and connect again.",
    };
    /// The link to the account.
    pub const OPEN_ACCOUNT: &str = "Open your account";
    /// The same, around the name of the place.
    pub const FAILED_AT: Around = Around(
        "You were to sign in with ",
        ", and that did not work: it cannot be reached, or did not answer as it should. Nothing has been changed.",
    );
    /// The link to where one can try again.
    pub const WAY_BACK: &str = "Go back to try again, or choose another way to sign in";
    /// No such page.
    pub const NOT_FOUND: ErrorWords = ErrorWords {
        title: "There is nothing here",
        text: "The address may be mistyped, or the page may be gone.",
        help: "",
    };
    /// The link to the home page.
    pub const HOME: &str = "What this server is, and how to connect to it";
    /// The configuration cannot be used.
    pub const MISCONFIGURED: ErrorWords = ErrorWords {
        title: "This server is not set up yet",
        text: "Its configuration is missing something that it does not serve without.",
        help: "If you run it: the log says which variable to set, and how.",
    };
    /// The server failed while a page was looked at.
    pub const UNAVAILABLE: ErrorWords = ErrorWords {
        title: "Please try again in a moment",
        text: "The server cannot answer just now. Nothing has been changed.",
        help: "Reload this page. If it keeps happening, tell the operator of this server.",
    };
    /// The server failed while it did what a form asked for. How far it got, it does not know.
    pub const UNFINISHED: ErrorWords = ErrorWords {
        title: "Please try again in a moment",
        text: "The server failed before it could finish. What you asked for may have been done, or not.",
        help: "Reload this page to ask again. If it keeps happening, tell the operator of this server.",
    };
    /// The server failed after it had signed out the person's other browsers for a change.
    pub const UNFINISHED_CHANGE: ErrorWords = ErrorWords {
        title: "The change may not have been made",
        text: "Your other browsers are signed out. Then the server failed, so it does not know whether the change itself was made.",
        help: "Open your account and try again. To find out whether a new password is in place, sign out and sign in with it.",
    };
}

/// How an application is made to forget what it knows of this server.
pub mod reset {
    /// ChatGPT.
    pub const CHATGPT: &str = "It looks like ChatGPT: in its settings, under Apps & Connectors, delete this server's connector and create it again.";
    /// Claude in the browser, on the desktop, or on a phone.
    pub const CLAUDE: &str =
        "It looks like Claude: in its settings, under Connectors, remove this server and add it again.";
    /// Claude Code.
    pub const CLAUDE_CODE: &str = "It looks like Claude Code: type /mcp, choose this server and \u{201c}Clear authentication\u{201d}. If that is not offered, remove the server and add it again.";
    /// Cursor.
    pub const CURSOR: &str = "It looks like Cursor: in its settings, under Tools & MCP, log out of this server, or remove it and add it again.";
    /// MCP Inspector.
    pub const INSPECTOR: &str =
        "It looks like MCP Inspector: choose \u{201c}Clear OAuth State\u{201d} and connect again.";
    /// `mcp-remote`.
    pub const MCP_REMOTE: &str = "It looks like mcp-remote: close the application that runs it, delete the folder ~/.mcp-auth, and connect again.";
    /// VS Code.
    pub const VS_CODE: &str = "It looks like VS Code: run the command \u{201c}Authentication: Remove Dynamic Authentication Providers\u{201d}, choose this server, and connect again.";
}
