import "./workers.js";
import "graphiql/style.css";
import "@graphiql/plugin-explorer/style.css";
import "./page.css";
import { createRoot } from "react-dom/client";
import { Page } from "./page.jsx";

createRoot(document.getElementById("page")).render(<Page />);
