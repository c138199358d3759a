<%@ page contentType="text/plain" %>six times seven is <%= 6 * 7 %>
