/* The one entry of the pages: each module has one duty and finds its own elements by their data attributes.
   The trace comes before the socket, because it says from which event the socket has to go on. */
import "./keys.js";
import "./times.js";
import "./copy.js";
import "./print.js";
import "./toast.js";
import "./busy.js";
import "./problems.js";
import "./confirm.js";
import "./drawer.js";
import "./passkeys.js";
import "./upload.js";
import "./filter.js";
import "./fragments.js";
import "./refresh.js";
import "./text.js";
import "./trace.js";
import "./lanes.js";
import "./moment.js";
import "./inbox.js";
import "./pick_up.js";
import "./answered.js";
import "./bulk.js";
import "./live.js";
import "./notify.js";
